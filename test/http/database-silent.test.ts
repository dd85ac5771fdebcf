import {
  type Answer,
  createMigratedDatabase,
  engines,
  type SessionBody,
  startApp,
  type TestApp,
} from '../_app.ts'
import { refused } from '../_problem.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { type Relay, startRelay } from './_relay.ts'

/** AUTH_DATABASE_TIMEOUT in seconds. */
const timeout = 1
/** The additional time of an answer on a busy machine, in milliseconds. */
const slack = 2_000

if (engines.includes('server')) {
  test.serial(
    'a database that goes silent is 503 within the timeout, and back within 5 s of its return',
    async (t) => {
      const { app, relay, session } = await startStage(t)
      // Each request leaves a connection in the pool that goes silent.
      await Promise.all(askAll(app, session))
      relay.swallow()
      await Promise.all([holdsOut(t, app, session), staysUp(t, app)])
      await relay.mend()
      await recovers(t, app, session)
    },
  )

  test.serial(
    'one request that hears nothing is enough for no other to meet a dead connection',
    async (t) => {
      const { app, relay, session } = await startStage(t)
      const asResident = { Authorization: `Bearer ${session.token}` }
      await Promise.all(Array.from({ length: 10 }, () => app.get('/user', asResident)))
      relay.swallow()
      refused(t, await app.get('/user', asResident), 503, 'database_unavailable')
      await relay.mend()
      for (let request = 0; request < 10; request++) t.is((await app.get('/user', asResident)).status, 200)
    },
  )

  test.serial(
    'a database that answers too slowly is 503 within the timeout, and back within 5 s',
    async (t) => {
      const { app, relay, session } = await startStage(t)
      relay.delay(timeout * 1_500)
      await Promise.all([holdsOut(t, app, session), staysUp(t, app)])
      await relay.mend()
      await recovers(t, app, session)
    },
  )

  test.serial(
    'while all connections are taken, what needs one is 503 within the timeout, and then served',
    async (t) => {
      const { app, session } = await startStage(t)
      const sleeping = Array.from({ length: 10 }, () =>
        app.gateway.database.query({ name: '', text: 'SELECT pg_sleep(100)::text' }, []),
      )
      const outcomes = Promise.allSettled(sleeping)
      await holdsOut(t, app, session, true)
      for (const outcome of await outcomes)
        t.like(outcome, { status: 'rejected', reason: { code: 'database_unavailable' } })
      await recovers(t, app, session)
    },
  )

  test.serial(
    'what is signed up or refreshed when the database goes silent is there whole, or not at all',
    async (t) => {
      const { app, relay, session } = await startStage(t)
      const names = Array.from({ length: 20 }, (_, n) => `late-${n}`)
      const signUps = names.map((username) =>
        app.post<SessionBody>('/signup', {
          username,
          password: 'correct horse',
          confirmPassword: 'correct horse',
        }),
      )
      const refreshed = app.post<SessionBody>('/token', { refreshToken: session.refreshToken })
      await Promise.race(signUps)
      relay.swallow()
      const answers = await Promise.all(signUps)
      const last = await refreshed
      await relay.mend()
      await until(async () => (await app.get('/readyz')).status === 200, 5_000)

      for (const [n, { status, text }] of answers.entries()) {
        const login = await app.login(names[n] as string)
        t.true(status === 200 || status === 503, text)
        if (status === 200) t.is(login.status, 200, 'every user with a 200 is signed up')
        else t.true(login.status === 200 || login.status === 401, login.text)
      }
      const { refreshToken } = last.status === 200 ? last.body : session
      t.is((await app.post('/token', { refreshToken })).status, 200)
      const halves = await app.sql(`SELECT username FROM "user" WHERE password IS NULL`)
      t.deepEqual(halves, [])
    },
  )
} else {
  test('only a server can be silent', (t) => t.pass())
}

type Stage = { app: TestApp; relay: Relay; url: string; session: SessionBody }

async function startStage(t: ExecutionContext): Promise<Stage> {
  const url = await createMigratedDatabase()
  const relay = await startRelay(url)
  t.teardown(relay.cut)
  const env = { AUTH_DATABASE_TIMEOUT: String(timeout) }
  const app = await startApp({ engine: 'server', databaseUrl: relay.url, env })
  t.teardown(app.close)
  return { app, relay, url, session: await app.signup('resident') }
}

/** Sends requests that use the database: by prepared statements, by Prisma, and in transactions. */
function askAll(app: TestApp, session: SessionBody): Promise<Answer<unknown>>[] {
  const asResident = { Authorization: `Bearer ${session.token}` }
  return [
    app.get('/webhook', asResident),
    app.call('POST', '/webhook', { body: { headers: asResident } }),
    app.get('/user', asResident),
    app.get('/user/sessions', asResident),
    app.login('resident'),
    app.post('/token', { refreshToken: session.refreshToken }),
    app.get('/readyz'),
  ]
}

async function holdsOut(
  t: ExecutionContext,
  app: TestApp,
  session: SessionBody,
  isReady = false,
): Promise<void> {
  const begun = performance.now()
  const answers = await Promise.all(askAll(app, session))
  const elapsed = performance.now() - begun
  // The probe does not wait for the connections of requests.
  if (isReady) t.is(answers.pop()?.status, 200)
  for (const answer of answers) {
    refused(t, answer, 503, 'database_unavailable')
    t.truthy(answer.headers.get('retry-after'))
  }
  t.true(elapsed < timeout * 1_000 + slack, `${elapsed} ms`)
}

async function staysUp(t: ExecutionContext, app: TestApp): Promise<void> {
  for (const path of ['/jwks', '/.well-known/jwks.json', '/healthz', '/providers']) {
    t.is((await app.get(path)).status, 200, path)
  }
  t.is((await app.get('/webhook')).status, 200)
}

async function recovers(t: ExecutionContext, app: TestApp, session: SessionBody): Promise<void> {
  const all = async () => {
    const answers = await Promise.all(askAll(app, session))
    t.true(answers.every(({ status }) => status === 200 || status === 503))
    return answers.every(({ status }) => status === 200)
  }
  await until(all, 5_000)
}
