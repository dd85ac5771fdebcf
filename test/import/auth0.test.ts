import { engines } from '../_app.ts'
import test from '../_test.ts'
import { foreignHashes, foreignPassword } from '../authentication/_foreign-hashes.ts'
import { importAll, readStored, writeFiles } from './_files.ts'

const bcrypt = foreignHashes['bcrypt of Spring Security']?.replace('{bcrypt}', '')

// The members that the documentation of Auth0 lists for an export with the fields of the guide, and more.
const users = [
  {
    user_id: 'auth0|5dea9f9c82dd7c0e76e4ec93',
    email: 'ada@example.com',
    email_verified: true,
    created_at: '2019-12-06T18:36:12.412Z',
    updated_at: '2020-01-01T00:00:00.000Z',
    identities: [
      {
        connection: 'Username-Password-Authentication',
        provider: 'auth0',
        user_id: '5dea9f9c82dd7c0e76e4ec93',
        isSocial: false,
      },
      {
        connection: 'google-oauth2',
        provider: 'google-oauth2',
        user_id: '115015401343387192604',
        isSocial: true,
      },
      { connection: 'github', provider: 'github', user_id: 1815, isSocial: true },
    ],
    app_metadata: { roles: ['editor', 'admin-of-auth0'], org: { id: 7 } },
    user_metadata: { roles: ['owner'], locale: 'en' },
    last_ip: '192.0.2.1',
    logins_count: 12,
  },
  {
    user_id: 'auth0|euclid',
    email: 'euclid@example.com',
    email_verified: false,
    username: 'euclid',
    blocked: true,
    created_at: { $date: '2020-02-29T12:00:00.000Z' },
    identities: [{ connection: 'db', provider: 'auth0', user_id: 'euclid', isSocial: false }],
    multifactor: ['guardian'],
    app_metadata: { authorization: { roles: ['editor'], groups: [] } },
  },
  {
    user_id: 'samlp|corp|grace',
    email: 'grace@example.com',
    email_verified: true,
    identities: [{ connection: 'corp', provider: 'samlp', user_id: 'corp|grace', isSocial: false }],
    multifactor: ['google-authenticator'],
  },
  { user_id: 'sms|5dea9f9c82dd7c0e76e4ec94', phone_number: '+15551234567', identities: [] },
]

// As the support of Auth0 delivers it.
const hashes = [
  {
    _id: { $oid: '5dea9f9c82dd7c0e76e4ec93' },
    email_verified: true,
    email: 'ada@example.com',
    passwordHash: bcrypt,
    password_set_date: { $date: '2019-12-06T18:36:12.412Z' },
    tenant: 'example',
    connection: 'Username-Password-Authentication',
    _tmp_is_unique: true,
  },
  {
    _id: { $oid: '5dea9f9c82dd7c0e76e4ec95' },
    alt_id: 'euclid',
    passwordHash: bcrypt,
    identifiers: [{ type: 'email', value: 'euclid@example.com', verified: false }],
  },
]

const lines = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

if (engines.includes('server')) {
  test('an export of Auth0 with its password hashes: users sign in with ids, roles, identities and claims', async (t) => {
    const paths = await writeFiles(t, { 'users.ndjson': lines(users), 'hashes.ndjson': lines(hashes) })
    const { report, text, app } = await importAll(
      t,
      [
        'auth0',
        paths['users.ndjson'] ?? '',
        '--passwords',
        paths['hashes.ndjson'] ?? '',
        '--claim',
        'org-id=app_metadata.org.id',
        '--claim',
        'auth0-id=user_id',
      ],
      { roles: ['editor', 'owner'] },
    )
    t.like(report, {
      code: 1,
      users: { read: 4, imported: 3, refused: 1 },
      roles: { created: 0, granted: 2 },
      identities: { linked: 3 },
      remarks: [],
      problems: { counts: { unknown_role: 1, no_username: 1 } },
      changes: { counts: { role_added: 2, second_factor_lost: 1 } },
    })
    t.regex(text, /unknown_role +line 1 .* admin-of-auth0\n/)
    t.regex(text, /no_username +line 4 /)
    t.regex(text, /second_factor_lost +line 3 .*grace@example\.com +multifactor\n/)

    const stored = await readStored(app)
    t.like(stored['ada@example.com'], {
      email: 'ada@example.com',
      verified: true,
      active: true,
      password: bcrypt,
      created: '2019-12-06T18:36:12.412Z',
      roles: ['editor'],
      identities: ['github 1815', 'google 115015401343387192604'],
      claims: { 'org-id': 7, 'auth0-id': 'auth0|5dea9f9c82dd7c0e76e4ec93' },
    })
    t.like(stored.euclid, {
      email: 'euclid@example.com',
      verified: false,
      active: false,
      created: '2020-02-29T12:00:00.000Z',
      roles: ['editor'],
      identities: [],
    })
    t.like(stored['grace@example.com'], { password: null, identities: ['samlp corp|grace'] })
    const login = await app.login('ada@example.com', foreignPassword)
    t.is(login.status, 200)
    t.like(await app.claimsOf(login.body.token), {
      'x-hasura-user-id': stored['ada@example.com']?.id,
      'x-hasura-allowed-roles': ['editor', 'user'],
      'x-hasura-org-id': '7',
    })
    t.is((await app.login('euclid', foreignPassword)).status, 401)
  })

  test('an export of Auth0 without blocked, identities and second factors says so, and names users without a way to sign in', async (t) => {
    const bare = users.map(({ user_id, email, email_verified }) => ({ user_id, email, email_verified }))
    const { 'users.json': file = '' } = await writeFiles(t, { 'users.json': JSON.stringify(bare, null, 2) })
    const { report, app } = await importAll(t, ['auth0', file])
    t.is(report.remarks.length, 3)
    t.deepEqual(report.problems.counts, { no_sign_in: 2, no_username: 1 })
    t.deepEqual((await readStored(app))['grace@example.com']?.identities, ['samlp corp|grace'])
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
