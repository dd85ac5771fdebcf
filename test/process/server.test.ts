import { generateKeyPairSync } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { connectServer } from '../../src/database/postgres.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { createMigratedDatabase, createServerDatabase, engines, patience, root } from '../_app.ts'
import { ask, logIn, readKids, signUp } from '../_client.ts'
import { type GatewayProcess, runProcess, startProcess } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { copyRoot, createFolder, sql } from '../database/_databases.ts'

const AUTH_SECRET = 'a secret that all the replicas share 0123456789'

const starts = [
  { what: 'an empty database', prepare: async () => {} },
  {
    what: 'a database that lacks the last migration',
    prepare: async (t: ExecutionContext, url: string) => {
      const older = await copyRoot(t)
      const last = (await findMigrationNames(older)).at(-1)
      await rm(new URL(`prisma/migrations/${last}/`, older), { recursive: true })
      const connection = connectServer(url, () => {}, patience)
      t.deepEqual(await migrate(connection, older), await findMigrationNames(older))
      await connection.close()
    },
  },
]

if (engines.includes('server')) {
  test.serial(
    'DATABASE_URL and AUTH_PRIVATE_KEY are enough, and no file is written to the working directory',
    async (t) => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
      const env = {
        DATABASE_URL: await createMigratedDatabase(),
        AUTH_PRIVATE_KEY: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      }
      const folder = await createFolder(t)
      const gateway = await start(t, env, folder)
      t.is((await signUp(gateway.url, 'anna')).status, 200)
      t.regex(gateway.output(), /^Database: PostgreSQL, from DATABASE_URL$/m)
      t.false(gateway.output().includes(new URL(env.DATABASE_URL).password))
      t.deepEqual(await readdir(folder), [])
    },
  )

  for (const { what, prepare } of starts) {
    test.serial(
      `five processes that start concurrently on ${what} migrate it once and share one key`,
      async (t) => {
        const env = { DATABASE_URL: await createServerDatabase(), AUTH_SECRET }
        await prepare(t, env.DATABASE_URL)
        const folder = await createFolder(t)
        const gateways = await Promise.all([1, 2, 3, 4, 5].map(() => start(t, env, folder)))
        for (const { url } of gateways) t.is((await ask(`${url}/readyz`)).status, 200)

        const kids = await Promise.all(gateways.map(({ url }) => readKids(url)))
        const connection = connectServer(env.DATABASE_URL, () => {}, patience)
        t.teardown(() => connection.close())
        const keys = await sql(connection, 'SELECT kid, state FROM signing_key')
        t.deepEqual(keys, [{ kid: kids[0]?.[0], state: 'active' }])
        t.deepEqual(kids, Array(5).fill([keys[0]?.kid]))
        const applied = await sql<{ name: string }>(
          connection,
          'SELECT migration_name AS name FROM _prisma_migrations ORDER BY migration_name',
        )
        t.deepEqual(
          applied.map(({ name }) => name),
          await findMigrationNames(root),
        )
      },
    )
  }

  test.serial(
    'a gateway is not ready while its database lacks a migration, also after the start',
    async (t) => {
      const env = { DATABASE_URL: await createMigratedDatabase(), AUTH_SECRET }
      const { url } = await start(t, env, await createFolder(t))
      t.is((await ask(`${url}/readyz`)).status, 200)
      const connection = connectServer(env.DATABASE_URL, () => {}, patience)
      t.teardown(() => connection.close())
      const last = (await findMigrationNames(root)).at(-1)
      const change = 'UPDATE _prisma_migrations SET rolled_back_at = $2 WHERE migration_name = $1'
      await sql(connection, change, [last, new Date()])
      t.like(await ask(`${url}/readyz`), { status: 503, body: { code: 'database_unavailable' } })
      await sql(connection, change, [last, null])
      t.is((await ask(`${url}/readyz`)).status, 200)
    },
  )

  test.serial('a process accepts the tokens that another process on its database issued', async (t) => {
    const env = { DATABASE_URL: await createMigratedDatabase(), AUTH_SECRET }
    const folder = await createFolder(t)
    const [one, two] = [await start(t, env, folder), await start(t, env, folder)]
    const { body } = await signUp(one.url, 'anna')
    const user = await ask(`${two.url}/user`, undefined, { Authorization: `Bearer ${body.token}` })
    t.is(user.status, 200)
    t.is((await ask(`${two.url}/token`, { refreshToken: body.refreshToken })).status, 200)
    t.is((await logIn(two.url, 'anna')).body.id, body.id)
  })

  test.serial('a process with another AUTH_SECRET ends with 1 and says what to do', async (t) => {
    const env = { DATABASE_URL: await createMigratedDatabase(), AUTH_SECRET }
    const folder = await createFolder(t)
    const first = await start(t, env, folder)
    const another = 'another secret, of a careless replica 0123456789'
    const { code, stderr } = await runProcess({ ...env, AUTH_SECRET: another }, folder)
    t.is(code, 1)
    t.regex(
      stderr,
      /^Claimgate did not start\. The signing key \S+ .*another AUTH_SECRET\. Restore the earlier AUTH_SECRET/,
    )
    for (const secret of [AUTH_SECRET, another]) t.false(stderr.includes(secret))
    t.is((await signUp(first.url, 'anna')).status, 200)
  })
} else {
  test('replicas require a server', (t) => t.pass())
}

async function start(
  t: ExecutionContext,
  env: Record<string, string>,
  folder: string,
): Promise<GatewayProcess> {
  const gateway = await startProcess(env, folder)
  t.teardown(() => gateway.stop('SIGKILL'))
  return gateway
}
