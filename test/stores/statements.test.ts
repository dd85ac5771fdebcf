import { engines, startApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { type Collector, startCollector } from '../observability/_collector.ts'

/** Returns the statements of each request to a route, in order. */
function statementsOfEach({ spans }: Collector, route: string): string[][] {
  const roots = spans.filter(({ kind, name }) => kind === 2 && name === route)
  return roots.map(({ spanId }) =>
    spans.filter(({ parentSpanId }) => parentSpanId === spanId).map(({ name }) => name),
  )
}

/** Returns the statements of the only request to each route. */
function statementsOf(collector: Collector): Record<string, string[]> {
  const routes = collector.spans.filter(({ kind, name }) => kind === 2 && name !== 'GET /openapi.json')
  return Object.fromEntries(routes.map(({ name }) => [name, statementsOfEach(collector, name).flat()]))
}

/** Signs up, logs in, calls the webhook, refreshes and logs out, each once. */
async function useOnce(t: ExecutionContext, options: Parameters<typeof startApp>[0]) {
  const collector = await startCollector()
  t.teardown(() => collector.stop())
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, AUTH_WEBHOOK_CACHE: '0', ...options?.env }
  const app = await startApp({ ...options, env })
  await app.signup('ada')
  const { body } = await app.login('ada')
  t.is((await app.as(body).get('/webhook')).status, 200)
  const { refreshToken } = (await app.post<typeof body>('/token', { refreshToken: body.refreshToken })).body
  t.is((await app.call('POST', '/logout', { body: { refreshToken } })).status, 204)
  await app.close()
  return statementsOf(collector)
}

for (const engine of engines) {
  test(`${engine}: a webhook, a refresh and a log-out are one statement, a login and a sign-up two`, async (t) => {
    t.deepEqual(await useOnce(t, { engine }), {
      'GET /webhook': ['session_read'],
      'POST /login': ['user_credentials', 'session_begin'],
      'POST /signup': ['user_create', 'session_begin'],
      'POST /token': ['session_rotate'],
      'POST /logout': ['session_revoke'],
    })
  })

  test(`${engine}: with limits a login takes three statements where replicas share counters`, async (t) => {
    const statements = await useOnce(t, { engine, env: { AUTH_RATE_LIMIT: 'on' } })
    const isShared = engine === 'server'
    t.deepEqual(statements, {
      'GET /webhook': ['session_read'],
      'POST /login': isShared
        ? ['rate_limit_count_login', 'session_begin', 'rate_limit_settle']
        : ['user_credentials', 'session_begin'],
      'POST /signup': [...(isShared ? ['rate_limit_count'] : []), 'user_create', 'session_begin'],
      'POST /token': ['session_rotate'],
      'POST /logout': ['session_revoke'],
    })
  })

  test(`${engine}: a rejected login takes the same statements for every user and for no user`, async (t) => {
    const collector = await startCollector()
    t.teardown(() => collector.stop())
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      AUTH_RATE_LIMIT: 'on',
      AUTH_LOGIN_FAILURES: '1',
    }
    const app = await startApp({ engine, env })
    await app.signup('ada')
    const guesses = ['ada', 'ada', 'unknown', 'unknown']
    for (const username of guesses) await app.login(username, 'wrong')
    await app.close()
    const isShared = engine === 'server'
    const rejected = [isShared ? 'rate_limit_count_login' : 'user_credentials']
    const limited = isShared ? ['rate_limit_count_login', 'rate_limit_settle'] : []
    t.deepEqual(statementsOfEach(collector, 'POST /login'), [rejected, limited, rejected, limited])
  })
}
