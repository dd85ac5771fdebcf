import bcrypt from 'bcrypt'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import { startFakeProvider } from '../_fake-provider.ts'
import test from '../_test.ts'
import { signIn } from '../authentication/_sign-in.ts'
import { importReport } from './_command.ts'
import { createSource } from './_sources.ts'

const ada = '0b7d2b6e-3c0f-4a4e-9d5c-000000000001'
const grace = '0b7d2b6e-3c0f-4a4e-9d5c-000000000002'
const disabled = '0b7d2b6e-3c0f-4a4e-9d5c-000000000003'
const anonymous = '0b7d2b6e-3c0f-4a4e-9d5c-000000000004'

const fill = `
  INSERT INTO auth.users (id, email, email_verified, password_hash, default_role, disabled, is_anonymous, created_at)
  VALUES
    ('${ada}', 'ada@example.com', true, '${bcrypt.hashSync('correct horse', 4)}', 'editor', false, false,
      '2020-02-03 04:05:06.789+02'),
    ('${grace}', NULL, false, NULL, 'user', false, false, now()),
    ('${disabled}', 'old@example.com', false, '${bcrypt.hashSync('correct horse', 4)}', 'user', true, false, now()),
    ('${anonymous}', NULL, false, NULL, 'anonymous', false, true, now());
  INSERT INTO auth.user_roles (user_id, role) VALUES
    ('${ada}', 'user'), ('${ada}', 'me'), ('${ada}', 'editor'),
    ('${grace}', 'user'), ('${grace}', 'me'), ('${disabled}', 'user'), ('${anonymous}', 'anonymous');
  INSERT INTO auth.user_providers (user_id, provider_id, provider_user_id) VALUES
    ('${ada}', 'github', '1815'), ('${grace}', 'github', '1906');`

if (engines.includes('server')) {
  test('hasura-auth: users keep id, password, GitHub identity, roles and default role', async (t) => {
    const source = await createSource('hasura-auth', fill)
    const provider = await startFakeProvider()
    t.teardown(() => provider.stop())
    const app = await startApp({
      databaseUrl: await createMigratedDatabase(),
      env: provider.github.environment,
    })
    t.teardown(() => app.close())

    const report = await importReport(['hasura-auth', source.url], {
      env: { DATABASE_URL: app.config.databaseUrl },
    })
    t.like(report, {
      code: 0,
      source: 'hasura-auth',
      dryRun: false,
      users: { read: 4, imported: 3, present: 0, anonymous: 1, refused: 0 },
      roles: { created: 2, granted: 3 },
      identities: { linked: 2 },
      problems: { total: 0 },
    })

    const login = await app.login('Ada@Example.com')
    t.is(login.status, 200)
    t.is(login.body.id, ada)
    t.like(await app.claimsOf(login.body.token), {
      'x-hasura-user-id': ada,
      'x-hasura-allowed-roles': ['editor', 'me', 'user'],
      'x-hasura-default-role': 'editor',
    })

    const github = await signIn({ app, fake: provider }, 'github', {
      user: { id: 1815, login: 'countess' },
      emails: [{ email: 'ada@example.com', primary: true, verified: true }],
    })
    t.is(github.body.id, ada)

    const other = await signIn({ app, fake: provider }, 'github', {
      user: { id: 1906, login: 'grace' },
      emails: [{ email: 'grace@example.com', primary: true, verified: false }],
    })
    t.is(other.body.id, grace)
    t.is(other.body.username, 'github-1906')
    t.deepEqual(other.body.roles, ['me', 'user'])
    t.is(other.body.defaultRole, 'user')

    const refused = await app.login('old@example.com')
    t.is(refused.status, 401)
    t.regex(refused.text, /invalid_credentials/)

    t.deepEqual(
      await app.sql(`SELECT email, email_verified, active, created_at AT TIME ZONE 'UTC' = '2020-02-03 02:05:06.789' AS same
        FROM "user" ORDER BY id`),
      [
        { email: 'ada@example.com', email_verified: true, active: true, same: true },
        { email: null, email_verified: false, active: true, same: false },
        { email: 'old@example.com', email_verified: false, active: false, same: false },
      ],
    )
  })

  test('hasura-auth: the columns that older versions lack are optional', async (t) => {
    const source = await createSource(
      'hasura-auth',
      `${fill}; ALTER TABLE auth.users DROP COLUMN created_at, DROP COLUMN is_anonymous, DROP COLUMN display_name`,
    )
    const app = await startApp({ databaseUrl: await createMigratedDatabase() })
    t.teardown(() => app.close())
    const report = await importReport(['hasura-auth', source.url], {
      env: { DATABASE_URL: app.config.databaseUrl },
    })
    // Without the column is_anonymous, the anonymous user is a user without username, address and identity.
    t.like(report, { code: 1, users: { read: 4, imported: 3, anonymous: 0, refused: 1 } })
    t.deepEqual(report.problems.counts, { no_username: 1 })
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
