import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { createServerDatabase, engines, root } from '../_app.ts'
import { ask, logIn, signUp } from '../_client.ts'
import { startProcess } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { runCommand } from './_command.ts'

const AUTH_SECRET = 'a secret that is only good for tests 0123456789'

/** Creates a database, with its owner's connection and a user without rights. */
async function prepare(t: ExecutionContext) {
  const url = await createServerDatabase()
  const owner = new pg.Client(url)
  await owner.connect()
  const user = `user_${randomUUID().replaceAll('-', '')}`
  await owner.query(`CREATE ROLE ${user} LOGIN PASSWORD 'only-for-tests'`)
  t.teardown(async () => {
    await owner.query(`DROP OWNED BY ${user} CASCADE`)
    await owner.query(`DROP ROLE ${user}`)
    await owner.end()
  })
  const userUrl = new URL(url)
  Object.assign(userUrl, { username: user, password: 'only-for-tests' })
  return { url: `${url}?schema=elsewhere`, owner, user, userUrl: `${userUrl.href}?schema=elsewhere` }
}

if (engines.includes('server')) {
  test('migrate --grant lets another user serve, also with later tables, and not migrate', async (t) => {
    const { url, owner, user, userUrl } = await prepare(t)
    const cwd = await createFolder(t)
    const migrated = async () => {
      const env = { DATABASE_URL: url, AUTH_SECRET }
      return runCommand(['migrate', '--grant', user, '--json'], cwd, { env })
    }
    await owner.query('ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC')
    for (let turn = 0; turn < 2; turn++) {
      const { code, stdout } = await migrated()
      t.is(code, 0)
      const { granted } = JSON.parse(stdout) as { granted: string[] }
      const shown = granted.map((text) => text.replaceAll(user, 'gateway').replaceAll('elsewhere', 'public'))
      const page = await readFile(new URL('docs/reference/database.md', root), 'utf8')
      t.deepEqual(
        shown,
        page.match(/^(GRANT|ALTER DEFAULT).*(?=;$)/gm),
        'the statements of docs/reference/database.md',
      )
    }

    const gateway = await startProcess({ DATABASE_URL: userUrl, AUTH_SECRET }, cwd)
    t.teardown(() => gateway.stop('SIGKILL'))
    const { refreshToken } = (await signUp(gateway.url, 'anna')).body
    t.is((await logIn(gateway.url, 'ANNA')).status, 200)
    t.is((await ask(`${gateway.url}/token`, { refreshToken })).status, 200)
    t.is((await ask(`${gateway.url}/readyz`)).status, 200)
    await gateway.stop()

    await owner.query(`CREATE TABLE elsewhere.later (id int)`)
    await owner.query(`CREATE FUNCTION elsewhere.later_key() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
    const served = new pg.Client(userUrl.replace(/\?.*/, ''))
    await served.connect()
    t.teardown(() => served.end())
    await served.query('INSERT INTO elsewhere.later SELECT elsewhere.later_key()')
    t.deepEqual((await served.query('SELECT id FROM elsewhere.later')).rows, [{ id: 1 }])
    await t.throwsAsync(served.query('CREATE TABLE elsewhere.own (id int)'), { code: '42501' })
  })

  test('migrate --grant fails for an unknown user, and for a user who does not own the tables', async (t) => {
    const { url, user, userUrl } = await prepare(t)
    const cwd = await createFolder(t)
    const run = (DATABASE_URL: string, to: string) =>
      runCommand(['migrate', '--grant', to], cwd, { env: { DATABASE_URL, AUTH_SECRET } })
    const unknown = await run(url, 'missing')
    t.is(unknown.code, 1)
    t.regex(unknown.stderr, /The user "missing" was given no rights: role "missing" does not exist/)
    t.is((await run(url, user)).code, 0)
    const foreign = await run(userUrl, 'postgres')
    t.is(foreign.code, 1)
    t.regex(
      foreign.stderr,
      /The user "postgres" was given no rights: the tables belong to \S+; set DATABASE_URL to this user/,
    )
  })
}

test('migrate --grant needs a server, and excludes --status', async (t) => {
  const cwd = await createFolder(t)
  const embedded = await runCommand(['migrate', '--grant', 'gateway'], cwd)
  t.is(embedded.code, 64)
  t.regex(embedded.stderr, /--grant needs DATABASE_URL/)
  const both = await runCommand(['migrate', '--grant', 'gateway', '--status'], cwd)
  t.is(both.code, 64)
  t.regex(both.stderr, /--status changes nothing/)
})
