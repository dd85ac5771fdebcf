import bcrypt from 'bcrypt'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import { startFakeProvider } from '../_fake-provider.ts'
import test from '../_test.ts'
import { signIn } from '../authentication/_sign-in.ts'
import { importReport } from './_command.ts'
import { createSource } from './_sources.ts'

const ada = '1b7d2b6e-3c0f-4a4e-9d5c-000000000001'
const grace = '1b7d2b6e-3c0f-4a4e-9d5c-000000000002'
const pending = '1b7d2b6e-3c0f-4a4e-9d5c-000000000003'
const account = (user: string) => user.replace('1b7d2b6e', 'aaaaaaaa')

// hasura-backend-plus hashed with bcryptjs, which writes $2a$.
const hash = bcrypt.hashSync('correct horse', bcrypt.genSaltSync(4, 'a'))

const fill = `
  INSERT INTO public.users (id, display_name) VALUES ('${ada}', 'Ada'), ('${grace}', 'Grace'), ('${pending}', NULL);
  INSERT INTO auth.accounts (id, user_id, active, email, password_hash, default_role) VALUES
    ('${account(ada)}', '${ada}', true, 'ada@example.com', '${hash}', 'editor'),
    ('${account(grace)}', '${grace}', true, NULL, NULL, 'user'),
    ('${account(pending)}', '${pending}', false, 'new@example.com', '${hash}', 'user');
  INSERT INTO auth.account_roles (account_id, role) VALUES
    ('${account(ada)}', 'user'), ('${account(ada)}', 'me'), ('${account(ada)}', 'editor'),
    ('${account(grace)}', 'user'), ('${account(grace)}', 'me'), ('${account(pending)}', 'user');
  INSERT INTO auth.account_providers (account_id, auth_provider, auth_provider_unique_id) VALUES
    ('${account(ada)}', 'github', '1815'), ('${account(grace)}', 'facebook', '77'), ('${account(grace)}', 'github', '1906');`

if (engines.includes('server')) {
  test('hasura-backend-plus: users keep user_id, password, GitHub identity, roles and default role', async (t) => {
    const source = await createSource('hasura-backend-plus', fill)
    const provider = await startFakeProvider()
    t.teardown(() => provider.stop())
    const app = await startApp({
      databaseUrl: await createMigratedDatabase(),
      env: provider.github.environment,
    })
    t.teardown(() => app.close())

    const report = await importReport(['hasura-backend-plus', source.url], {
      env: { DATABASE_URL: app.config.databaseUrl },
    })
    t.like(report, {
      code: 0,
      users: { read: 3, imported: 3, present: 0, anonymous: 0, refused: 0 },
      roles: { created: 2, granted: 3 },
      identities: { linked: 3 },
      problems: { total: 0 },
    })

    const login = await app.login('ada@example.com')
    t.is(login.status, 200)
    t.like(await app.claimsOf(login.body.token), {
      'x-hasura-user-id': ada,
      'x-hasura-allowed-roles': ['editor', 'me', 'user'],
      'x-hasura-default-role': 'editor',
    })
    t.is((await app.login('new@example.com')).status, 401)

    const github = await signIn({ app, fake: provider }, 'github', {
      user: { id: 1906, login: 'grace' },
      emails: [{ email: 'grace@example.com', primary: true, verified: true }],
    })
    t.is(github.body.id, grace)
    t.is(github.body.username, 'facebook-77')
    t.deepEqual(github.body.roles, ['me', 'user'])
  })

  test('hasura-backend-plus: the e-mail address of an active account stays unverified', async (t) => {
    const source = await createSource('hasura-backend-plus', fill)
    const provider = await startFakeProvider()
    t.teardown(() => provider.stop())
    const app = await startApp({
      databaseUrl: await createMigratedDatabase(),
      env: provider.google.environment,
    })
    t.teardown(() => app.close())
    await importReport(['hasura-backend-plus', source.url], { env: { DATABASE_URL: app.config.databaseUrl } })
    t.deepEqual(await app.sql('SELECT email, email_verified FROM "user" WHERE id = $1', [ada]), [
      { email: 'ada@example.com', email_verified: false },
    ])
    const google = { sub: '10', email: 'ada@example.com', email_verified: true }
    const other = await signIn({ app, fake: provider }, 'google', google)
    t.is(other.status, 200)
    t.not(other.body.id, ada)
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
