import { engines } from '../_app.ts'
import test from '../_test.ts'
import { foreignHashes, foreignPassword } from '../authentication/_foreign-hashes.ts'
import { runImport } from './_command.ts'
import { importAll, readStored, writeFiles } from './_files.ts'

const [, , parameters = '', salt = '', passwordHash = ''] = (foreignHashes['scrypt of Firebase'] ?? '').split(
  '$',
)
const signerKey = /sk=(.*)$/.exec(parameters)?.[1] ?? ''

// As the console of Firebase shows it.
const hashConfig = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: ${signerKey},
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
`

const bcrypt = foreignHashes['bcrypt of PHP'] ?? ''

const ada = {
  localId: 'Zq3bK9xYt4Vw7mN2pL6rS8dF1gH5',
  email: 'ada@example.com',
  emailVerified: true,
  passwordHash,
  salt,
  displayName: 'Ada',
  lastSignedInAt: '1700000001000',
  createdAt: '1700000000000',
  customAttributes: JSON.stringify({
    'https://hasura.io/jwt/claims': {
      'x-hasura-default-role': 'editor',
      'x-hasura-allowed-roles': ['editor', 'user'],
      'x-hasura-user-id': 'Zq3bK9xYt4Vw7mN2pL6rS8dF1gH5',
    },
    plan: 'gold',
  }),
  providerUserInfo: [
    { providerId: 'google.com', rawId: '115015401343387192604', email: 'ada@example.com' },
    { providerId: 'password', rawId: 'ada@example.com' },
  ],
}

const users = [
  ada,
  {
    localId: 'bob',
    email: 'bob@example.com',
    emailVerified: false,
    disabled: true,
    passwordHash,
    salt,
    createdAt: '1700000000000',
    providerUserInfo: [],
  },
  {
    localId: '7f3c',
    email: 'cy@example.com',
    emailVerified: true,
    passwordHash: Buffer.from(bcrypt).toString('base64'),
    mfaInfo: [{ mfaEnrollmentId: 'x', phoneInfo: '+15551234567' }],
  },
  { localId: 'anonymous-1', createdAt: '1700000000000', providerUserInfo: [] },
]

// The layout of the Firebase CLI: users indented, with a comma and a line break between them.
const exported = `{"users": [\n${users.map((user) => JSON.stringify(user, null, 2)).join(',\n')}]}\n`

if (engines.includes('server')) {
  test('an export of Firebase with the hash parameters of the project: users sign in with the roles of their claims', async (t) => {
    const paths = await writeFiles(t, { 'users.json': exported, 'hash.txt': hashConfig })
    const { report, app } = await importAll(
      t,
      [
        'firebase',
        paths['users.json'] ?? '',
        '--hash-config',
        paths['hash.txt'] ?? '',
        '--claim',
        'firebase-uid=localId',
        '--claim',
        'plan=customAttributes.plan',
      ],
      { roles: ['editor'] },
    )
    t.like(report, {
      code: 1,
      users: { read: 4, imported: 3, anonymous: 1, refused: 0 },
      identities: { linked: 1 },
      problems: { total: 0 },
      changes: { counts: { second_factor_lost: 1 } },
    })
    const stored = await readStored(app)
    t.like(stored['ada@example.com'], {
      verified: true,
      active: true,
      created: '2023-11-14T22:13:20.000Z',
      defaultRole: 'editor',
      roles: ['editor'],
      identities: ['google 115015401343387192604'],
      claims: { 'firebase-uid': ada.localId, plan: 'gold' },
    })
    t.like(stored['bob@example.com'], { verified: false, active: false })
    t.is(stored['cy@example.com']?.password, bcrypt)
    t.is((await app.login('ada@example.com', `${foreignPassword}!`)).status, 401)
    const login = await app.login('ada@example.com', foreignPassword)
    t.like(await app.claimsOf(login.body.token), {
      'x-hasura-default-role': 'editor',
      'x-hasura-allowed-roles': ['editor', 'user'],
      'x-hasura-firebase-uid': ada.localId,
    })
    t.is((await app.login('cy@example.com', foreignPassword)).status, 200)
    t.is((await app.login('bob@example.com', foreignPassword)).status, 401)
  })

  test('an export of the Firebase CLI says that it has no second factors; without passwords it needs no parameters', async (t) => {
    const { 'users.json': file = '' } = await writeFiles(t, {
      'users.json': JSON.stringify({ users: [ada] }),
    })
    const { report, app } = await importAll(t, ['firebase', file, '--without-passwords'], {
      roles: ['editor'],
    })
    t.regex(report.remarks.join(), /no second factors/)
    t.is((await readStored(app))['ada@example.com']?.password, null)
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}

test('password hashes of Firebase without parameters, or with wrong ones, end the import before it begins', async (t) => {
  const paths = await writeFiles(t, {
    'users.json': exported,
    'hash.txt': hashConfig.replace('SCRYPT', 'BCRYPT').replace(/rounds.*/, 'rounds: 0,'),
  })
  const file = paths['users.json'] ?? ''
  const env = { AUTH_DATA_DIR: '/nowhere/claimgate' }
  const missing = await runImport(['firebase', file], { env })
  t.is(missing.code, 64)
  t.regex(missing.stderr, /--hash-config, or import no password with --without-passwords/)
  const wrong = await runImport(['firebase', file, '--hash-config', paths['hash.txt'] ?? ''], { env })
  t.is(wrong.code, 65)
  t.regex(wrong.stderr, /: algorithm must be SCRYPT; rounds /)
  t.false(wrong.stderr.includes(signerKey))
  const gone = await runImport(['firebase', file, '--hash-config', '/nowhere/hash.txt'], { env })
  t.is(gone.code, 66)
})
