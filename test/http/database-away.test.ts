import { rm } from 'node:fs/promises'
import {
  type Answer,
  createMigratedDatabase,
  engines,
  type SessionBody,
  startApp,
  type TestApp,
} from '../_app.ts'
import { connectPostgres } from '../_postgres.ts'
import { refused } from '../_problem.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { startRelay } from './_relay.ts'

const bearer = ({ token }: SessionBody) => ({ Authorization: `Bearer ${token}` })

/** Sends one request to every route that needs the database. */
function askAll(app: TestApp, session: SessionBody): Promise<Answer<unknown>[]> {
  const { refreshToken } = session
  const signup = { username: 'late', password: 'correct horse', confirmPassword: 'correct horse' }
  return Promise.all([
    app.as(session).get('/webhook'),
    app.call('POST', '/webhook', { body: { headers: bearer(session) } }),
    app.as(session).get('/user'),
    app.login('resident'),
    app.post('/signup', signup),
    app.post('/token', { refreshToken }),
    app.post('/token/exchange', { code: 'x' }),
    app.post('/logout', { refreshToken }),
    app.get('/readyz'),
  ])
}

async function holdsOut(t: ExecutionContext, app: TestApp, session: SessionBody): Promise<void> {
  for (const answer of await askAll(app, session)) {
    refused(t, answer, 503, 'database_unavailable')
    t.regex(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  }
  for (const path of ['/jwks', '/.well-known/jwks.json', '/healthz', '/providers']) {
    t.is((await app.get(path)).status, 200, path)
  }
  t.is((await app.get('/webhook')).status, 200)
  refused(t, await app.get('/webhook', { Authorization: 'Bearer x.y.z' }), 401, 'invalid_token')
}

test.serial(
  'embedded: while the database is away its routes are 503, and /jwks and a bad token are answered',
  async (t) => {
    const app = await startApp({ engine: 'embedded' })
    const session = await app.signup('resident')
    await app.gateway.database.close()
    await holdsOut(t, app, session)
    await t.throwsAsync(app.close())
    await rm(app.config.dataDir, { recursive: true, force: true })
  },
)

if (engines.includes('server')) {
  test.serial(
    'server: while the database is away its routes are 503, and everything works when it is back',
    async (t) => {
      const relay = await startRelay(await createMigratedDatabase())
      t.teardown(relay.cut)
      const app = await startApp({ engine: 'server', databaseUrl: relay.url })
      t.teardown(app.close)
      const session = await app.signup('resident')
      await relay.cut()
      await holdsOut(t, app, session)
      await relay.mend()
      t.is((await app.get('/readyz')).status, 200)
      t.is((await app.as(session).get('/webhook')).status, 200)
      t.is((await app.login('resident')).status, 200)
      t.is((await app.signup('late')).username, 'late')
      t.is((await app.post('/token', { refreshToken: session.refreshToken })).status, 200)
    },
  )

  test.serial('server: a database that was dropped counts as away', async (t) => {
    const url = await createMigratedDatabase()
    const app = await startApp({ engine: 'server', databaseUrl: url })
    t.teardown(app.close)
    const session = await app.signup('resident')
    const server = await connectPostgres(url.replace(/[^/]+$/, 'postgres'))
    await server.dropDatabase(new URL(url).pathname.slice(1))
    await holdsOut(t, app, session)
  })
}
