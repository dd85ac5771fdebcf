import { engines, startApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { type Collector, startCollector } from '../observability/_collector.ts'

/** Returns the statements of each request in order, by method and route. */
function statementsOf({ spans }: Collector): Record<string, string[]> {
  const roots = spans.filter(({ kind, name }) => kind === 2 && name !== 'GET /openapi.json')
  return Object.fromEntries(
    roots.map(({ name, spanId }) => [
      name,
      spans.filter(({ parentSpanId }) => parentSpanId === spanId).map((span) => span.name),
    ]),
  )
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

  test(`${engine}: the limits count a login in one statement and refund it in two, where replicas share counters`, async (t) => {
    const statements = await useOnce(t, { engine, env: { AUTH_RATE_LIMIT: 'on' } })
    const isShared = engine === 'server'
    const counted = isShared ? ['rate_limit_count'] : []
    const givenBack = isShared ? ['rate_limit_count', 'rate_limit_forget'] : []
    t.deepEqual(statements, {
      'GET /webhook': ['session_read'],
      'POST /login': [...counted, 'user_credentials', 'session_begin', ...givenBack],
      'POST /signup': [...counted, 'user_create', 'session_begin'],
      'POST /token': ['session_rotate'],
      'POST /logout': ['session_revoke'],
    })
  })
}
