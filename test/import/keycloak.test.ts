import { engines } from '../_app.ts'
import test from '../_test.ts'
import { foreignHashes, foreignPassword } from '../authentication/_foreign-hashes.ts'
import { runImport } from './_command.ts'
import { keycloakArgon2, keycloakPbkdf2 } from './_credentials.ts'
import { importAll, readStored, writeFiles } from './_files.ts'

/** Returns a credential as Keycloak exports it. */
const credential = (name: string, data: object) => {
  const [salt, value] = (foreignHashes[name] ?? '').split('$').slice(-2)
  return {
    id: 'c29fb4d1-106f-43a3-9617-c0c1cbbb4ffe',
    type: 'password',
    createdDate: 1611230567942,
    secretData: JSON.stringify({ value, salt, additionalParameters: {} }),
    credentialData: JSON.stringify(data),
  }
}
const sha512 = credential('PBKDF2 with SHA-512 of Keycloak', keycloakPbkdf2('pbkdf2-sha512'))

const user = (username: string, members: object) => ({
  id: `3f0b39cb-0a1b-4428-b36f-${Buffer.from(username.slice(0, 6).padEnd(6, '-')).toString('hex')}`,
  createdTimestamp: 1611230523301,
  username,
  enabled: true,
  totp: false,
  emailVerified: false,
  credentials: [],
  disableableCredentialTypes: [],
  requiredActions: [],
  realmRoles: ['default-roles-demo', 'offline_access', 'uma_authorization'],
  clientRoles: { account: ['manage-account'] },
  notBefore: 0,
  groups: [],
  ...members,
})

const users = [
  user('ada', {
    email: 'ada@example.com',
    emailVerified: true,
    attributes: { org: ['acme'], teams: ['a', 'b'] },
    credentials: [sha512],
    realmRoles: ['default-roles-demo', 'editor'],
    groups: ['/staff/press'],
    federatedIdentities: [
      { identityProvider: 'our-github', userId: '1815', userName: 'ada' },
      { identityProvider: 'google', userId: 'not-of-google', userName: 'ada' },
      { identityProvider: 'corp', userId: 'a-1', userName: 'ada' },
    ],
  }),
  user('euler', {
    credentials: [
      credential('argon2 of Keycloak', keycloakArgon2),
      { type: 'otp', secretData: '{"value":"x"}', credentialData: '{"subType":"totp"}' },
    ],
    totp: true,
  }),
  user('noether', { enabled: false, credentials: [sha512] }),
  user('hypatia', { credentials: [sha512], requiredActions: ['UPDATE_PASSWORD'] }),
  user('leonhard', {
    credentials: [
      {
        type: 'password',
        algorithm: 'pbkdf2-sha256',
        hashIterations: 1000,
        salt: 'tIcxUPAN+somvwwZfpTEmg==',
        hashedSaltedValue: 'QgYYd7qu9dyaD805UBpnNLSmXdbUc549z5KEmjHRZ4Y=',
      },
    ],
  }),
  user('imported-by-hand', { credentials: [{ type: 'password', value: 'plain' }] }),
  user('service-account-app', { serviceAccountClientId: 'app' }),
]

const realm = {
  id: 'demo',
  realm: 'demo',
  enabled: true,
  roles: { realm: [{ name: 'editor', composite: false }], client: {} },
  groups: [
    {
      id: 'g1',
      name: 'staff',
      path: '/staff',
      realmRoles: ['employee'],
      clientRoles: {},
      subGroups: [{ id: 'g2', name: 'press', path: '/staff/press', realmRoles: ['press'], subGroups: [] }],
    },
  ],
  users,
  clients: [{ clientId: 'app' }],
  identityProviders: [
    { alias: 'our-github', providerId: 'github' },
    { alias: 'google', providerId: 'oidc' },
    { alias: 'corp', providerId: 'saml' },
  ],
}

if (engines.includes('server')) {
  test('a realm of Keycloak: users sign in with ids, hashes, roles by group, identities and claims', async (t) => {
    const { 'realm.json': file = '' } = await writeFiles(t, { 'realm.json': JSON.stringify(realm, null, 2) })
    const { report, text, app } = await importAll(
      t,
      ['keycloak', file, '--claim', 'org=attributes.org.0', '--claim', 'teams=attributes.teams'],
      { roles: ['editor', 'press'] },
    )
    t.like(report, {
      code: 1,
      users: { read: 6, imported: 6 },
      identities: { linked: 2 },
      remarks: [],
      problems: {
        total: 4,
        counts: { unknown_role: 1, invalid_identity: 1, unknown_hash: 1, temporary_password: 1 },
      },
      changes: { counts: { role_added: 1, second_factor_lost: 1 } },
    })
    t.regex(text, /invalid_identity +users\[0\] .* the alias google of the realm is of the kind oidc\n/)
    t.regex(text, /unknown_hash +users\[5\] .* plain text\n/)
    const stored = await readStored(app)
    t.like(stored.ada, {
      id: users[0]?.id,
      verified: true,
      created: '2021-01-21T12:02:03.301Z',
      roles: ['editor', 'press'],
      identities: ['corp a-1', 'github 1815'],
      claims: { org: 'acme', teams: ['a', 'b'] },
    })
    t.like(stored.noether, { active: false, verified: false, email: null })
    for (const name of ['ada', 'euler', 'leonhard'])
      t.is((await app.login(name, foreignPassword)).status, 200, name)
    for (const name of ['noether', 'hypatia', 'imported-by-hand'])
      t.is((await app.login(name, foreignPassword)).status, 401, name)
    t.is((await app.login('imported-by-hand', 'plain')).status, 401)
  })

  test('a users file of a directory export says that it lacks groups and aliases', async (t) => {
    const { 'demo-users-0.json': file = '' } = await writeFiles(t, {
      'demo-users-0.json': JSON.stringify({ realm: 'demo', users: users.slice(0, 1) }),
    })
    const { report, app } = await importAll(t, ['keycloak', file, '--create-roles'])
    t.is(report.remarks.length, 2)
    t.like((await readStored(app)).ada, {
      roles: ['editor'],
      identities: ['corp a-1', 'google not-of-google', 'our-github 1815'],
    })
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}

test('a realm without users, and several realms in one file: exit code 65, and the message names the right export', async (t) => {
  const paths = await writeFiles(t, {
    'partial.json': JSON.stringify({ ...realm, users: undefined }),
    'all.json': JSON.stringify([realm]),
  })
  for (const file of Object.values(paths)) {
    const { code, stderr } = await runImport(['keycloak', file], {
      env: { AUTH_DATA_DIR: '/nowhere/claimgate' },
    })
    t.is(code, 65)
    t.regex(stderr, /kc\.sh export --realm <realm> --users same_file/)
  }
})
