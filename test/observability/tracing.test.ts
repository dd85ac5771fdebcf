import { startApp } from '../_app.ts'
import { refuseSecrets } from '../_secrets.ts'
import test from '../_test.ts'
import { githubber, home, signIn, startStage } from '../authentication/_sign-in.ts'
import { startCollector } from './_collector.ts'

// The exporter reads its time limit from the environment.
process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '500'

test('a request is a span with its route and request id, and its statements and provider requests are its children', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.stop())
  const stage = await startStage({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
  await stage.app.signup('anna', 'a password for spans')
  await stage.app.call('GET', '/user', { headers: { Authorization: 'Bearer a.b.c' } })
  await signIn(stage, 'github', githubber(), { redirect_to: home })
  await stage.app.get('/no/such/path?with=query')
  await stage.stop()

  const { spans } = collector
  const named = (name: string) => spans.find((span) => span.name === name)
  const childrenOf = (name: string) =>
    spans.filter(({ parentSpanId }) => parentSpanId === named(name)?.spanId).map((span) => span.name)
  const id = stage.app.logs.find(({ route }) => route === '/signup')?.requestId
  t.like(named('POST /signup')?.attributes, {
    'http.request.method': 'POST',
    'http.route': '/signup',
    'http.response.status_code': 200,
    'claimgate.request_id': id,
  })
  t.deepEqual(childrenOf('POST /signup'), ['user_create', 'session_begin'])
  t.like(named('GET /user'), { status: { code: 0 }, attributes: { 'http.response.status_code': 401 } })
  const callback = childrenOf('GET /auth/github/callback')
  for (const name of ['oauth_state_spend', 'github token', 'github profile', 'session_begin'])
    t.true(callback.includes(name), `${name}: ${callback}`)
  t.true(callback.some((name) => /^Identity\./.test(name)))
  t.is(named('GET')?.attributes['http.route'], undefined)
  const roots = spans.filter(({ parentSpanId }) => !parentSpanId)
  t.deepEqual([...new Set(roots.map(({ kind }) => kind))], [2])
  t.notRegex(collector.raw(), /such|SELECT|INSERT|anna|redirect_to|127\.0\.0\.1/)
  t.notThrows(() => refuseSecrets(collector.raw()))
})

test('a caller’s traceparent is the parent, and a failed provider request is an error by its code', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.stop())
  const stage = await startStage({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` } })
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  await stage.app.get('/jwks', { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
  await stage.app.get('/providers', { traceparent: 'nonsense' })
  stage.fake.fault('google', 'token', 'html')
  await signIn(stage, 'google', { sub: '1' })
  await stage.stop()
  t.like(
    collector.spans.find(({ name }) => name === 'GET /jwks'),
    { traceId, parentSpanId: 'b7ad6b7169203331' },
  )
  t.falsy(collector.spans.find(({ name }) => name === 'GET /providers')?.parentSpanId)
  t.like(
    collector.spans.find(({ name }) => name === 'google token'),
    { status: { code: 2 }, attributes: { 'error.type': 'provider_error', 'claimgate.provider': 'google' } },
  )
})

test('requests of probes and of Prometheus are traced only with AUTH_TRACE_PROBES', async (t) => {
  const collector = await startCollector()
  t.teardown(() => collector.stop())
  const traced = async (probes: string) => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      AUTH_METRICS: 'true',
      AUTH_TRACE_PROBES: probes,
    }
    const app = await startApp({ env })
    for (const path of ['/healthz', '/readyz?probe=1', '/metrics', '/jwks']) await app.get(path)
    await app.close()
    return collector.spans
      .splice(0)
      .flatMap(({ kind, name }) => (kind === 2 && !name.includes('openapi') ? [name] : []))
  }
  const ofProbes = ['GET /healthz', 'GET /readyz', 'GET /metrics']
  t.deepEqual(await traced('false'), ['GET /jwks'])
  t.deepEqual((await traced('true')).sort(), [...ofProbes, 'GET /jwks'].sort())
})

test('an unreachable collector disturbs no request and no shutdown, and is logged once', async (t) => {
  const app = await startApp({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' } })
  const session = await app.signup('berta')
  t.is((await app.as(session).get('/webhook')).status, 200)
  await app.close()
  const said = app.logs.filter(
    ({ msg }) => msg === 'trace export failed; check the collector and the OTEL_EXPORTER_OTLP_ variables',
  )
  t.is(said.length, 1)
  t.is(app.logs.filter(({ level }) => Number(level) >= 50).length, 0)
})
