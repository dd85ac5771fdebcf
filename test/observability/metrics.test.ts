import { readdir } from 'node:fs/promises'
import { eventTable } from '../../src/events.ts'
import { appTest, engines, root, startApp, type TestApp } from '../_app.ts'
import { findFreePort } from '../_postgres.ts'
import test from '../_test.ts'
import { githubber, type Stage, signIn, startStage } from '../authentication/_sign-in.ts'

/** Returns the series of a scrape: name with labels → value. */
async function scrape(app: TestApp): Promise<Map<string, number>> {
  const { status, text, headers } = await app.get('/metrics')
  if (status !== 200 || !headers.get('content-type')?.startsWith('text/plain; version=0.0.4'))
    throw new Error(`/metrics answered ${status} ${headers.get('content-type')}`)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]))
}

let stage: Stage
test.serial.before('start', async () => {
  stage = await startStage({ engine: 'embedded', env: { AUTH_METRICS: 'true' } })
})
test.after.always('stop', () => stage?.stop())

test(
  'the metrics have the version and the last migration, and no public route has them',
  appTest({ env: { AUTH_METRICS: 'true', AUTH_METRICS_PORT: '0' } }, async (t, app) => {
    const { version, schema } = app.gateway.version
    const names = await readdir(new URL('prisma/migrations/', root))
    t.is(
      schema,
      names
        .filter((name) => name.startsWith('0'))
        .sort()
        .at(-1) as string,
    )
    const answer = await fetch(`http://127.0.0.1:${app.gateway.metricsPort}/metrics`)
    t.true(
      (await answer.text()).includes(`claimgate_build_info{version="${version}",schema="${schema}"} 1\n`),
    )
    for (const path of [
      '/',
      '/healthz',
      '/readyz',
      '/openapi.json',
      '/jwks',
      '/docs',
      '/signin',
      '/nothing',
    ]) {
      const { text, headers } = await app.get(path)
      t.false(`${text} ${JSON.stringify([...headers])}`.includes(schema), path)
      t.notRegex(JSON.stringify([...headers]), /claimgate\W*\d|node/i, path)
      t.false(text.includes(`"${version}"`), path)
    }
  }),
)

test(
  'without AUTH_METRICS there is no /metrics',
  appTest({}, async (t, app) => {
    t.is((await app.get('/metrics')).status, 404)
  }),
)

test(
  'AUTH_METRICS_PORT has the metrics and nothing else, and the other port has no metrics',
  appTest({ env: { AUTH_METRICS: 'true', AUTH_METRICS_PORT: '0' } }, async (t, app) => {
    await app.signup('anna')
    const url = `http://127.0.0.1:${app.gateway.metricsPort}`
    const answer = await fetch(`${url}/metrics`)
    t.is(answer.status, 200)
    t.regex(await answer.text(), /^claimgate_events_total{event="signup",code=""} 1$/m)
    for (const path of ['/', '/login', '/healthz', '/jwks', '/docs']) {
      const other = await fetch(url + path)
      t.is(other.status, 404, path)
      t.is(((await other.json()) as { code: string }).code, 'not_found')
    }
    t.is((await fetch(`${url}/metrics`, { method: 'POST' })).status, 405)
    t.is((await app.get('/metrics')).status, 404)
    t.false('/metrics' in (await app.get<{ paths: object }>('/openapi.json')).body.paths)
    t.is((await app.get('/healthz')).status, 200)
  }),
)

test('a port that is in use ends the start with the variable of this port, and frees the other one', async (t) => {
  const taken = await startApp({ env: { AUTH_METRICS: 'true', AUTH_METRICS_PORT: '0' } })
  t.teardown(taken.close)
  const port = await findFreePort()
  const env = {
    AUTH_METRICS: 'true',
    AUTH_METRICS_PORT: String(taken.gateway.metricsPort),
    PORT: String(port),
  }
  await t.throwsAsync(startApp({ env }), { message: /set AUTH_METRICS_PORT to another port$/ })
  const next = await startApp({ env: { PORT: String(port) } })
  await t.notThrowsAsync(next.close())
})

test.serial(
  'every event, login and refresh is counted from 0, so that increase() sees the first',
  async (t) => {
    const series = await scrape(stage.app)
    const names = (metric: string, label: string) => {
      const labels = new RegExp(`^${metric}{.*\\b${label}="([^"]+)"`)
      return new Set(
        [...series].flatMap(([name, value]) => (value === 0 ? (labels.exec(name)?.[1] ?? []) : [])),
      )
    }
    t.deepEqual(names('claimgate_events_total', 'event'), new Set(Object.keys(eventTable)))
    t.deepEqual(names('claimgate_logins_total', 'provider'), new Set(['local', 'github', 'google']))
    for (const outcome of ['ok', 'late', 'reuse', 'invalid_token'])
      t.true(names('claimgate_refreshes_total', 'outcome').has(outcome), outcome)
    t.is(series.get('claimgate_events_total{event="refresh.reuse",code="invalid_token"}'), 0)
  },
)

test.serial('logins are counted by provider and outcome, refreshes by outcome, events by name', async (t) => {
  const { app, fake } = stage
  const session = await app.signup('anna')
  await app.login('anna')
  await app.login('anna', 'wrong horse')
  await app.login('nobody')
  await signIn(stage, 'github', githubber())
  fake.fault('github', 'token', 'status:500')
  await signIn(stage, 'github', githubber())
  fake.fault('github', 'token', null)
  await app.post('/token', { refreshToken: session.refreshToken })
  app.clock.advance(31)
  await app.post('/token', { refreshToken: session.refreshToken })
  await app.post('/token', { refreshToken: session.refreshToken })
  await app.post('/token', { refreshToken: session.refreshToken })
  const series = await scrape(app)
  for (const [name, value] of [
    ['claimgate_logins_total{provider="local",outcome="ok"}', 2],
    ['claimgate_logins_total{provider="local",outcome="invalid_credentials"}', 2],
    ['claimgate_logins_total{provider="github",outcome="ok"}', 1],
    ['claimgate_logins_total{provider="github",outcome="provider_error"}', 1],
    ['claimgate_refreshes_total{outcome="ok"}', 1],
    ['claimgate_refreshes_total{outcome="late"}', 1],
    ['claimgate_refreshes_total{outcome="reuse"}', 1],
    ['claimgate_refreshes_total{outcome="invalid_token"}', 1],
    ['claimgate_events_total{event="signup",code=""}', 2],
    ['claimgate_events_total{event="provider.failed",code="provider_error"}', 1],
    ['claimgate_events_total{event="login.failed",code="invalid_credentials"}', 2],
    ['claimgate_events_total{event="refresh.reuse",code="invalid_token"}', 1],
    ['claimgate_provider_request_duration_seconds_count{provider="github",request="token",outcome="ok"}', 1],
    [
      'claimgate_provider_request_duration_seconds_count{provider="github",request="token",outcome="provider_error"}',
      1,
    ],
  ] as const) {
    t.is(series.get(name), value, name)
  }
})

test.serial('requests are measured by the pattern of their route, for any path', async (t) => {
  const { app } = stage
  const before = (await scrape(app)).size
  const { token } = await app.signup('berta')
  const headers = { Authorization: `Bearer ${token}` }
  for (let number = 0; number < 20; number++) {
    await app.call('DELETE', `/user/sessions/${crypto.randomUUID()}`, { headers })
    await app.call('DELETE', `/user/identities/guessed-${number}`, { headers })
    await app.get(`/no/such/path/${number}?q=${number}`)
    await app.get(`/auth/guessed-${number}`)
  }
  const series = await scrape(app)
  const count = (labels: string) => series.get(`claimgate_http_request_duration_seconds_count{${labels}}`)
  t.is(count('method="DELETE",route="/user/sessions/:id",status="404"'), 20)
  t.is(count('method="DELETE",route="/user/identities/:provider",status="404"'), 20)
  t.is(count('method="GET",route="",status="404"'), 40)
  t.false([...series.keys()].some((name) => /guessed|such|berta/.test(name)))
  // Four more patterns and the sign-up, with their buckets, sums and counts.
  t.true(series.size - before <= 6 * 16)
})

test.serial('the key has an age, the hash queue a length, the process its usual metrics', async (t) => {
  const { app } = stage
  const age = (await scrape(app)).get('claimgate_signing_key_age_seconds') ?? -1
  app.clock.advance(60)
  const series = await scrape(app)
  t.is(series.get('claimgate_signing_key_age_seconds'), age + 60)
  t.is(series.get('claimgate_password_hashes{state="running"}'), 0)
  t.is(series.get('claimgate_password_hashes{state="waiting"}'), 0)
  t.true((series.get('process_resident_memory_bytes') ?? 0) > 0)
  t.false([...series.keys()].some((name) => name.startsWith('claimgate_database_connections')))
})

if (engines.includes('server')) {
  test(
    'an existing pool is measured, and two gateways of one process count separately',
    appTest({ engine: 'server', env: { AUTH_METRICS: 'true' } }, async (t, app) => {
      const series = await scrape(app)
      for (const state of ['used', 'idle', 'waiting'])
        t.true(Number.isInteger(series.get(`claimgate_database_connections{state="${state}"}`)), state)
      t.is(series.get('claimgate_events_total{event="signup",code=""}'), 0)
    }),
  )
}
