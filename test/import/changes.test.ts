import bcrypt from 'bcrypt'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import test from '../_test.ts'
import { importReport, runImport } from './_command.ts'
import { createSource, query, type SourceName } from './_sources.ts'

const id = (n: number) => `4b7d2b6e-3c0f-4a4e-9d5c-${String(n).padStart(12, '0')}`
const hash = bcrypt.hashSync('correct horse', 4)

/** A driver without the role user, a user with TOTP, a user with neither, and a disabled user with TOTP. */
const fills: Partial<Record<SourceName, string>> = {
  'hasura-auth': `
    INSERT INTO auth.roles VALUES ('driver');
    INSERT INTO auth.users (id, email, email_verified, password_hash, default_role, active_mfa_type, totp_secret, disabled) VALUES
      ('${id(1)}', 'driver@example.com', true, '${hash}', 'driver', NULL, NULL, false),
      ('${id(2)}', 'totp@example.com', true, '${hash}', 'user', 'totp', 'OTPSECRET', false),
      ('${id(3)}', 'plain@example.com', true, '${hash}', 'user', NULL, 'NOTACTIVE', false),
      ('${id(4)}', 'old@example.com', true, '${hash}', 'user', 'totp', 'OTPSECRET', true);
    INSERT INTO auth.user_roles (user_id, role) VALUES ('${id(1)}', 'driver'), ('${id(2)}', 'user');`,
  'hasura-backend-plus': `
    INSERT INTO auth.roles VALUES ('driver');
    INSERT INTO public.users (id) VALUES ('${id(1)}'), ('${id(2)}'), ('${id(3)}'), ('${id(4)}');
    INSERT INTO auth.accounts (user_id, email, password_hash, default_role, mfa_enabled, otp_secret, active) VALUES
      ('${id(1)}', 'driver@example.com', '${hash}', 'driver', false, NULL, true),
      ('${id(2)}', 'totp@example.com', '${hash}', 'user', true, 'OTPSECRET', true),
      ('${id(3)}', 'plain@example.com', '${hash}', 'user', false, 'NOTACTIVE', true),
      ('${id(4)}', 'old@example.com', '${hash}', 'user', true, 'OTPSECRET', false);`,
}

if (engines.includes('server')) {
  for (const [name, fill] of Object.entries(fills)) {
    test(`${name}: an added role and a lost second factor are counted and named, also in a dry run`, async (t) => {
      const source = await createSource(name as SourceName, fill)
      const app = await startApp({ databaseUrl: await createMigratedDatabase() })
      t.teardown(() => app.close())
      const env = { DATABASE_URL: app.config.databaseUrl }

      const text = await runImport([name, source.url, '--dry-run'], { env })
      t.is(text.code, 1)
      t.regex(text.stdout, /^2 changes:$/m)
      t.regex(text.stdout, /role_added +1 .*Cure: --default-role/)
      t.regex(text.stdout, /second_factor_lost +1 .*Cure: --inactive-with-second-factor/)
      t.regex(text.stdout, new RegExp(`role_added +${id(1)} +driver@example.com +user`))
      t.regex(text.stdout, new RegExp(`second_factor_lost +${id(2)} +totp@example.com +totp`))
      t.false(text.stdout.includes('OTPSECRET'))

      const rehearsed = await importReport([name, source.url, '--dry-run'], { env })
      const report = await importReport([name, source.url], { env })
      t.like(report, { code: 1, users: { imported: 4 }, problems: { total: 0 }, isDefaultRoleSet: true })
      t.deepEqual(report.changes.counts, { role_added: 1, second_factor_lost: 1 })
      t.deepEqual({ ...rehearsed, dryRun: false }, report)

      // A user who is present is not changed.
      t.like(await importReport([name, source.url], { env }), { code: 0, changes: { total: 0 } })
    })

    test(`${name}: with the options, drivers keep their permissions and users with TOTP stay out`, async (t) => {
      const source = await createSource(name as SourceName, fill)
      const app = await startApp({
        databaseUrl: await createMigratedDatabase(),
        env: { AUTH_DEFAULT_ROLE: 'member' },
      })
      t.teardown(() => app.close())
      const args = [name, source.url, '--default-role', 'member', '--inactive-with-second-factor']

      // Without AUTH_DEFAULT_ROLE in the environment of the command.
      const env = { DATABASE_URL: app.config.databaseUrl }
      const { code, stdout } = await runImport([...args, '--dry-run'], { env })
      t.is(code, 0)
      t.regex(stdout, /^Set AUTH_DEFAULT_ROLE=member for the gateway/m)
      const report = await importReport(args, { env })
      t.like(report, { code: 0, defaultRole: 'member', isDefaultRoleSet: false })
      t.deepEqual(report.changes.counts, { role_chosen: 4, inactive_chosen: 1 })

      const driver = await app.login('driver@example.com')
      t.like(await app.claimsOf(driver.body.token), {
        'x-hasura-allowed-roles': ['driver', 'member'],
        'x-hasura-default-role': 'driver',
      })
      const plain = await app.login('plain@example.com')
      t.like(await app.claimsOf(plain.body.token), {
        'x-hasura-allowed-roles': ['member', 'user'],
        'x-hasura-default-role': 'user',
      })
      t.is((await app.login('totp@example.com')).status, 401)
      t.is((await app.login('old@example.com')).status, 401)
    })
  }

  test('hasura-auth: a user with an unverified address and a password is named, and inactive if so chosen', async (t) => {
    const source = await createSource(
      'hasura-auth',
      `INSERT INTO auth.users (id, email, password_hash) VALUES ('${id(1)}', 'ada@example.com', '${hash}')`,
    )
    const env = { DATABASE_URL: await createMigratedDatabase() }
    const { code, stdout } = await runImport(['hasura-auth', source.url, '--dry-run'], { env })
    t.is(code, 1)
    t.regex(stdout, /unverified_admitted +1 .*Cure: --inactive-unverified/)
    t.regex(stdout, new RegExp(`unverified_admitted +${id(1)} +ada@example.com`))
    const chosen = await importReport(['hasura-auth', source.url, '--inactive-unverified'], { env })
    t.like(chosen, { code: 0, changes: { counts: { inactive_chosen: 1 } } })
    t.deepEqual(await query(env.DATABASE_URL, 'SELECT active FROM "user"'), [{ active: false }])
  })

  test('a source without columns of second factors is imported', async (t) => {
    const source = await createSource(
      'hasura-auth',
      `${fills['hasura-auth']}; ALTER TABLE auth.users DROP COLUMN active_mfa_type, DROP COLUMN totp_secret`,
    )
    const env = { DATABASE_URL: await createMigratedDatabase() }
    t.deepEqual((await importReport(['hasura-auth', source.url], { env })).changes.counts, { role_added: 1 })
  })

  test('a default role that no gateway can have is rejected with the option', async (t) => {
    const source = await createSource('hasura-auth')
    const env = { DATABASE_URL: await createMigratedDatabase() }
    for (const role of ['admin', ' member', '']) {
      const { code, stderr } = await runImport(['hasura-auth', source.url, '--default-role', role], { env })
      t.is(code, 64)
      t.regex(stderr, /^claimgate: --default-role must /)
    }
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
