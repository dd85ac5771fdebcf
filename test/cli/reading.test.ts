import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { createServerDatabase, engines } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import test from '../_test.ts'
import { createSource } from '../import/_sources.ts'
import { createDeployment } from './_command.ts'
import { runInProcess } from './_in-process.ts'

const secret = { AUTH_SECRET: 'a secret that is only good for tests 0123456789' }
const input = 'correct horse battery'
const reading = [
  'user list',
  'user show alice',
  'role list',
  'keys list',
  'session list alice',
  'claims preview alice',
]
const changing = ['role grant alice editor', 'user deactivate alice', 'session revoke --all alice']
const creating = ['role create author', 'keys rotate', 'user create bob --password-stdin']

const run = async (line: string, env: Record<string, string>) => {
  const { code, stderr } = await runInProcess([...line.split(' '), '--json'], {
    env: { ...secret, ...env },
    input,
  })
  return { exit: code, ...(code !== 0 && JSON.parse(stderr).error) }
}

test.serial(
  'without an embedded database, a command that creates nothing says so, and makes no directory',
  async (t) => {
    const folder = await makeDirectory()
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const env = { AUTH_DATA_DIR: join(folder, 'data') }
    for (const line of [...reading, ...changing]) {
      const { exit, code, message } = await run(line, env)
      t.deepEqual([exit, code], [66, 'no_database'], `${line}: ${message}`)
      t.regex(message, /There is no database in .*data\. .*claimgate migrate/, line)
    }
    t.false(existsSync(env.AUTH_DATA_DIR))
  },
)

test.serial(
  'an embedded database of another PostgreSQL, or an incomplete one, is named with the solution, and stays',
  async (t) => {
    const folder = await makeDirectory()
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const env = { AUTH_DATA_DIR: folder }
    t.is((await run('migrate', env)).exit, 0)
    const version = join(folder, 'pglite/PG_VERSION')
    await writeFile(version, '16\n')
    for (const line of ['user list', 'migrate', 'migrate --status']) {
      const { exit, code, message } = await run(line, env)
      t.deepEqual([exit, code], [69, 'database_unavailable'], line)
      t.regex(
        message,
        /pglite is of PostgreSQL 16, and this version of Claimgate runs PostgreSQL \d+\. .*claimgate export --output FILE.*claimgate import claimgate FILE/,
      )
    }
    await rm(version)
    t.regex(
      (await run('user list', env)).message,
      /no complete database: its file PG_VERSION is missing\. Restore/,
    )
    await rm(join(folder, 'pglite'), { recursive: true })
    await mkdir(join(folder, 'pglite'))
    await writeFile(version, '18\n')
    t.regex((await run('user list', env)).message, /its file global\/pg_control is missing/)
  },
)

if (engines.includes('server')) {
  const query = async (url: string, text: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    return (await client.query(text).finally(() => client.end())).rows
  }
  const tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`

  test.serial(
    'on an empty server database, no command but those that create changes anything, and the message names the database',
    async (t) => {
      const url = await createServerDatabase()
      const source = await createSource('hasura-auth')
      const lines = [...reading, ...changing, `import hasura-auth ${source.url} --dry-run`]
      for (const line of lines) {
        const { exit, code, message } = await run(line, { DATABASE_URL: url })
        t.deepEqual([exit, code], [66, 'no_database'], `${line}: ${message}`)
        t.true(
          message.startsWith(
            `There are no tables of Claimgate in the schema "public" of the database "${new URL(url).pathname.slice(1)}". `,
          ),
          message,
        )
        t.regex(message, /claimgate migrate$/)
      }
      t.is((await run('migrate --status', { DATABASE_URL: url })).exit, 0)
      t.deepEqual(await query(url, tables), [])
      for (const line of creating)
        t.is((await run(line, { DATABASE_URL: await createServerDatabase() })).exit, 0)
    },
  )

  test.serial('a pending migration is applied by migrate and import, and by no other command', async (t) => {
    const d = await createDeployment('server')
    t.teardown(() => d.close())
    const url = d.env.DATABASE_URL ?? ''
    const source = await createSource('hasura-auth')
    const pending = '0013_session_app'
    const forget = async () => {
      await query(url, `DELETE FROM "_prisma_migrations" WHERE migration_name = '${pending}'`)
      await query(url, 'ALTER TABLE session DROP COLUMN IF EXISTS app')
    }
    await forget()
    const lines = [...reading, ...changing, ...creating, `import hasura-auth ${source.url} --dry-run`]
    for (const line of lines) {
      const { exit, code, message } = await d.failure(line, { input })
      t.deepEqual([exit, code], [1, 'database_outdated'], line)
      t.is(
        message,
        `The database lacks migrations of this version: ${pending}. Nothing was changed. Apply them with: claimgate migrate`,
      )
    }
    for (const line of ['migrate', `import hasura-auth ${source.url}`]) {
      await forget()
      t.is((await d.run(line)).code, 0, line)
      t.is((await d.json('migrate --status')).pending, 0, line)
    }
    t.is((await query(url, `SELECT 1 FROM role WHERE name = 'author'`)).length, 0)
  })

  test.serial(
    'migrate --status lists the migrations of a later version, and no command minds them',
    async (t) => {
      const d = await createDeployment('server')
      t.teardown(() => d.close())
      await query(
        d.env.DATABASE_URL ?? '',
        `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at) VALUES ('later', '', '9999_later', now())`,
      )
      t.like(await d.json('migrate --status'), { pending: 0, unknown: ['9999_later'] })
      t.deepEqual(await d.json('migrate'), { created: false, applied: [] })
      t.deepEqual((await d.json('user list')).users, [])
    },
  )
}
