import {
  appTest,
  createMigratedDatabase,
  engines,
  type SessionBody,
  startApp,
  type TestApp,
} from '../_app.ts'
import { grant, revoke } from '../_grant.ts'
import { refused } from '../_problem.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { runInProcess } from '../cli/_in-process.ts'
import { startRelay } from '../http/_relay.ts'

type Counts = { hit: number; miss: number; invalidation: number; entries: number; listening: number }

/** Reads the metrics of the cache. */
async function readCounts(app: TestApp): Promise<Counts> {
  const { text } = await app.get('/metrics')
  const value = (name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`claimgate_webhook_cache_${name} `))
        ?.split(' ')[1],
    )
  const total = (event: string) => value(`total{event="${event}"}`)
  return {
    hit: total('hit'),
    miss: total('miss'),
    invalidation: total('invalidation'),
    entries: value('entries'),
    listening: value('listening'),
  }
}

const listens = (app: TestApp) => until(async () => (await readCounts(app)).listening === 1)

const ask = (app: TestApp, { token }: SessionBody, role?: string) =>
  app.get('/webhook', { Authorization: `Bearer ${token}`, ...(role && { 'X-Hasura-Role': role }) })

for (const engine of engines) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startApp({ engine, env: { AUTH_METRICS: 'true' } })
    await listens(app)
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  test.serial(
    `${engine}: a role that is granted or revoked counts at the next request, although the answers are remembered`,
    async (t) => {
      const session = await app.signup('ada')
      const other = await app.signup('bob')
      for (const each of [session, session, other, other]) t.is((await ask(app, each)).status, 200)
      const before = await readCounts(app)
      t.like(before, { hit: 2, miss: 2, entries: 2 })
      refused(t, await ask(app, session, 'editor'), 401, 'role_denied')
      await grant(app, session.id, 'editor')
      t.is((await ask(app, session, 'editor')).body['X-Hasura-Role'], 'editor')
      await revoke(app, session.id, 'editor')
      refused(t, await ask(app, session, 'editor'), 401, 'role_denied')
      await ask(app, other)
      const after = await readCounts(app)
      t.like(after, { hit: before.hit + 2, miss: before.miss + 2, invalidation: 2 })
    },
  )

  test.serial(
    `${engine}: logging out, changing the password and deactivating count at the next request`,
    async (t) => {
      const [out, changed, gone] = [
        await app.signup('out'),
        await app.signup('changed'),
        await app.signup('gone'),
      ]
      const second = (await app.login('changed')).body
      for (const each of [out, changed, second, gone])
        for (const _ of [1, 2]) t.is((await ask(app, each)).status, 200)
      await app.post('/logout', { refreshToken: out.refreshToken })
      refused(t, await ask(app, out), 401, 'invalid_token')
      const body = { currentPassword: 'correct horse', newPassword: 'another horse' }
      const headers = { Authorization: `Bearer ${second.token}` }
      t.is((await app.call('POST', '/user/password', { body, headers })).status, 204)
      refused(t, await ask(app, changed), 401, 'invalid_token')
      t.is((await ask(app, second)).status, 200)
      await app.sql('UPDATE "user" SET active = false WHERE id = $1', [gone.id])
      refused(t, await ask(app, gone), 401, 'invalid_token')
    },
  )

  test.serial(
    `${engine}: what is left out of the claims is logged when they are made, not at every request`,
    async (t) => {
      const session = await app.signup('leaver')
      await grant(app, session.id, 'admin')
      const warnings = () => app.logs.filter(({ msg }) => msg === 'roles or claims left out').length
      const before = warnings()
      // The notification of the grant may arrive during the first read, which is then not remembered.
      for (const _ of [1, 2]) t.is((await ask(app, session)).status, 200)
      const made = warnings()
      t.true(made > before)
      for (const _ of [1, 2, 3]) t.is((await ask(app, session)).status, 200)
      t.is(warnings(), made)
    },
  )

  test.serial(
    `${engine}: a refresh makes nothing void, and a session that expires is not answered for`,
    async (t) => {
      const session = await app.signup('ends')
      await ask(app, session)
      const { invalidation } = await readCounts(app)
      const next = (await app.post<SessionBody>('/token', { refreshToken: session.refreshToken })).body
      t.is((await ask(app, next)).status, 200)
      t.is((await readCounts(app)).invalidation, invalidation)
      await app.sql(`UPDATE session SET idle_expires_at = $1 WHERE user_id = $2`, [
        new Date(app.clock.now.getTime() + 60_000),
        session.id,
      ])
      t.is((await ask(app, next)).status, 200)
      app.clock.advance(60)
      t.teardown(() => app.clock.advance(-60))
      refused(t, await ask(app, next), 401, 'invalid_token')
    },
  )
}

test(
  'AUTH_WEBHOOK_CACHE=0 asks the database every time',
  appTest({ env: { AUTH_METRICS: 'true', AUTH_WEBHOOK_CACHE: '0' } }, async (t, app) => {
    const session = await app.signup('ada')
    t.is((await ask(app, session)).status, 200)
    t.false((await app.get('/metrics')).text.includes('webhook_cache'))
  }),
)

if (engines.includes('server')) {
  test('what another process changes counts at the next request', async (t) => {
    const databaseUrl = await createMigratedDatabase()
    const app = await startApp({ engine: 'server', databaseUrl, env: { AUTH_METRICS: 'true' } })
    t.teardown(app.close)
    await listens(app)
    const session = await app.signup('ada')
    const command = async (args: string) => {
      const env = {
        DATABASE_URL: databaseUrl,
        AUTH_SECRET: 'a secret that is only good for tests 0123456789',
      }
      const { code, stderr } = await runInProcess(args.split(' '), { env })
      t.is(code, 0, stderr)
    }
    await ask(app, session)
    await command('role create editor')
    await command('role grant ada editor')
    t.is((await ask(app, session, 'editor')).status, 200)
    await command('role revoke ada editor')
    refused(t, await ask(app, session, 'editor'), 401, 'role_denied')
    await command('user deactivate ada')
    refused(t, await ask(app, session), 401, 'invalid_token')
    t.true((await readCounts(app)).invalidation >= 3)
  })

  test('while the listening connection is lost the database is asked, and afterwards answers are remembered again', async (t) => {
    const relay = await startRelay(await createMigratedDatabase())
    t.teardown(relay.cut)
    const env = { AUTH_METRICS: 'true', AUTH_DATABASE_TIMEOUT: '2' }
    const app = await startApp({ engine: 'server', databaseUrl: relay.url, env })
    t.teardown(app.close)
    await listens(app)
    const session = await app.signup('ada')
    await ask(app, session)
    relay.swallow(isListener)
    await staysRight(t, app, session)
    await cutListener(app)
    await staysRight(t, app, session)
    const lines = app.logs
      .filter(({ msg }) => /change notifications/.test(String(msg)))
      .map(({ level, msg }) => [level, msg])
    t.deepEqual(lines.slice(0, 2), [
      [40, 'change notifications lost; /webhook reads the database on every request'],
      [30, 'change notifications restored; /webhook answers from memory again'],
    ])
  })
}

const isListener = (hello: string) => hello.includes('claimgate listener')

const cutListener = (app: TestApp) =>
  app.sql(`SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
    WHERE application_name = 'claimgate listener' AND datname = current_database()`)

/** Sends requests until answers come from the cache again. Each answer must be correct. */
async function staysRight(t: ExecutionContext, app: TestApp, session: SessionBody): Promise<void> {
  let active = true
  const { hit } = await readCounts(app)
  await until(async () => {
    active = !active
    await app.sql(
      `INSERT INTO user_claim (user_id, name, value) VALUES ($1, 'on', to_jsonb($2::boolean))
      ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value`,
      [session.id, active],
    )
    t.is((await ask(app, session)).body['x-hasura-on'], String(active))
    t.is((await ask(app, session)).body['x-hasura-on'], String(active))
    const counts = await readCounts(app)
    return counts.listening === 1 && counts.hit > hit
  })
}
