import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createServerDatabase, engines, type SessionBody, startApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { runInProcess } from '../cli/_in-process.ts'
import { importReport } from '../import/_command.ts'
import { createSource } from '../import/_sources.ts'
import { openStores } from '../stores/_stores.ts'

/** Settings of a database, each with a value that changes the answers or the end of statements. */
const hostile = {
  TimeZone: 'Asia/Kathmandu',
  DateStyle: 'German, DMY',
  IntervalStyle: 'sql_standard',
  client_encoding: 'LATIN1',
  bytea_output: 'escape',
  standard_conforming_strings: 'off',
  extra_float_digits: '-15',
  array_nulls: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  lock_timeout: '1',
  statement_timeout: '50',
  idle_in_transaction_session_timeout: '1',
  search_path: 'other, public',
  client_min_messages: 'debug1',
  row_security: 'off',
  'plpgsql.variable_conflict': 'use_column',
  'plpgsql.extra_errors': 'all',
}

const secret = 'a secret that is only good for tests 0123456789'

/** Returns the URL of an empty database with these defaults. */
async function createHostile(more: Record<string, string> = {}): Promise<string> {
  const url = await createServerDatabase()
  await setHostile(url, more)
  return url
}

async function setHostile(url: string, more: Record<string, string> = {}): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const name = pg.escapeIdentifier(new URL(url).pathname.slice(1))
  await client.query('CREATE SCHEMA other')
  for (const [setting, value] of Object.entries({ ...hostile, ...more })) {
    const list = setting === 'search_path' ? value : pg.escapeLiteral(value)
    await client.query(`ALTER DATABASE ${name} SET ${setting} = ${list}`)
  }
  await client.end()
}

/** Runs a command and returns its document. */
async function runOn(url: string, t: ExecutionContext, line: string, input = '') {
  const env = { AUTH_SECRET: secret, DATABASE_URL: url, AUTH_BCRYPT_COST: '4' }
  const { code, stdout, stderr } = await runInProcess([...line.split(' '), '--json'], { env, input })
  t.is(code, 0, `${line}: ${stderr}`)
  return JSON.parse(stdout)
}

if (engines.includes('server')) {
  test('a gateway starts on an empty database and serves, whatever the database sets', async (t) => {
    const app = await startApp({ databaseUrl: await createHostile() })
    t.teardown(app.close)
    t.deepEqual(
      await app.sql(`SELECT table_schema AS s FROM information_schema.tables WHERE table_name = 'session'`),
      [{ s: 'other' }],
    )
    const { id } = await app.signup('Jörg \\ É')
    const sessions = await Promise.all(Array.from({ length: 8 }, () => app.login('jörg \\ é')))
    for (const { status, body } of sessions) t.deepEqual([status, body.id], [200, id])
    const tokens = sessions.map(({ body }) => body.refreshToken)
    const refreshed = await Promise.all(
      [...tokens, ...tokens].map((refreshToken) => app.post<SessionBody>('/token', { refreshToken })),
    )
    for (const { status, text } of refreshed) t.is(status, 200, text)
    const token = refreshed[0]?.body.token ?? ''
    const user = app.as({ token })
    t.is((await user.get('/webhook')).status, 200)
    const listed = await user.get<{ createdAt: string }[]>('/user/sessions')
    t.is(listed.status, 200)
    for (const { createdAt } of listed.body)
      t.true(Math.abs(Date.parse(createdAt) - app.clock.now.getTime()) < 120_000, createdAt)
    const next = 'another battery staple'
    const changed = await user.post('/user/password', {
      currentPassword: 'correct horse',
      newPassword: next,
    })
    t.is(changed.status, 204, changed.text)
    t.is((await app.login('Jörg \\ É')).status, 401)
    t.is((await app.login('Jörg \\ É', next)).status, 200)
    t.deepEqual(
      app.logs.filter(({ level }) => Number(level) >= 50),
      [],
    )
  })

  test('commands, rotated keys and an import work, whatever both databases set', async (t) => {
    const url = await createHostile()
    const run = (line: string, input?: string) => runOn(url, t, line, input)
    t.true((await run('migrate')).applied.length > 0)
    t.is((await run('migrate --status')).pending, 0)
    await run('role create editor')
    const { id } = await run('user create Ürsula --password-stdin --role editor', 'correct horse battery\n')
    t.is((await run('user show ürsula')).id, id)
    await run('claims set ürsula team-ids [3,null,7.125]')
    t.deepEqual((await run('claims preview ürsula')).webhook['x-hasura-team-ids'], '{3,NULL,7.125}')
    await run('role default ürsula editor')
    const first = await run('keys rotate --now')
    t.is((await run('keys rotate')).state, 'next')
    const { keys } = await run('keys list')
    t.true(keys.some(({ kid }: { kid: string }) => kid === first.kid))
    for (const line of ['role list', 'session list ürsula', 'session revoke --all ürsula']) await run(line)

    const [ada, hash] = [randomUUID(), `$2b$04$${'x'.repeat(53)}`]
    const source = await createSource(
      'seed',
      `INSERT INTO "user" (id, username, password, created_at)
         VALUES ('${ada}', 'Ada \\ É', '${hash}', '2019-01-27 16:10:09+00');
       INSERT INTO role (name) VALUES ('user');
       INSERT INTO user_role (user_id, role_id) SELECT '${ada}', id FROM role`,
    )
    await setHostile(source.url, { search_path: 'public, other' })
    const report = await importReport(['seed', source.url], { env: { DATABASE_URL: url } })
    t.like(report, { code: 0, users: { read: 1, imported: 1 } })
    const { users } = await run('user list')
    t.deepEqual(
      users.map(({ username }: { username: string }) => username),
      ['Ada \\ É', 'Ürsula'],
    )
    t.is((await run(`user show ${ada}`)).createdAt, '2019-01-27T16:10:09.000Z')
    await run(`user delete ${ada} --yes`)
  })

  test('the sweep deletes what has expired and nothing else, whatever the database sets', async (t) => {
    const stores = await openStores('server', await createHostile())
    t.teardown(stores.close)
    const now = new Date()
    const at = (minutes: number) => new Date(now.getTime() + minutes * 60_000)
    const id = await stores.addUser('anna')
    for (const end of [at(-3000), at(10)])
      await stores.sql(
        `INSERT INTO {session} (user_id, created_at, idle_expires_at, expires_at) VALUES ($1, $2, $3, $3)`,
        [id, at(-6000), end],
      )
    for (const [hash, end] of [
      ['\\old', at(-3000)],
      ['\\new', at(10)],
    ] as const)
      await stores.sql('INSERT INTO {oauth_state} (hash, expires_at) VALUES ($1, $2)', [
        Buffer.from(hash),
        end,
      ])
    await stores.sweep(now)
    t.deepEqual(await stores.sql('SELECT hash FROM {oauth_state}'), [{ hash: Buffer.from('\\new') }])
    t.deepEqual(await stores.sql('SELECT expires_at FROM {session}'), [{ expires_at: at(10) }])
  })
}
