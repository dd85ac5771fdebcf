import { quick, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

const origin = 'https://app.test'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ engine: quick, env: { AUTH_CORS_ORIGINS: `${origin} http://localhost:3000` } })
})
test.after.always('stop', () => app?.close())

const preflight = (from: string, path = '/login') =>
  app.call('OPTIONS', path, {
    headers: {
      Origin: from,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type',
    },
  })

const corsHeaders = (headers: Headers) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control'))

test('a preflight of an allowed origin says what its page may send', async (t) => {
  for (const from of [origin, 'http://localhost:3000']) {
    const { status, text, headers } = await preflight(from)
    t.is(status, 204)
    t.is(text, '')
    t.is(headers.get('access-control-allow-origin'), from)
    t.regex(headers.get('access-control-allow-headers') ?? '', /\bAuthorization\b.*\bContent-Type\b/)
    for (const method of ['GET', 'POST', 'DELETE']) {
      t.true(headers.get('access-control-allow-methods')?.split(', ').includes(method))
    }
    t.is(headers.get('access-control-allow-credentials'), 'true')
    t.regex(headers.get('vary') ?? '', /\bOrigin\b/)
  }
})

const others = [
  'https://other.test',
  'https://app.test.evil.test',
  'https://evilapp.test',
  'https://sub.app.test',
  'https://app.test:8443',
  'http://app.test',
  'https://APP.test',
  'https://app.test/',
  'http://localhost:3001',
  'null',
  '*',
  '',
]
for (const other of others) {
  test(`a page of "${other}" is told nothing, before and after`, async (t) => {
    for (const answer of [await preflight(other), await app.get('/jwks', { Origin: other })]) {
      t.true(answer.status < 300)
      t.deepEqual(corsHeaders(answer.headers), [])
      t.regex(answer.headers.get('vary') ?? '', /\bOrigin\b/)
    }
  })
}

const apps = [
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
  'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc',
  'safari-web-extension://E5A5B0F3-9B1C-4D2E-8F3A-1B2C3D4E5F60',
]

test.serial('an app in a web view and a browser extension may call, when they are listed', async (t) => {
  const other = await startApp({ env: { AUTH_CORS_ORIGINS: apps.join(' ') } })
  t.teardown(other.close)
  const preflightOf = (from: string) =>
    other.call('OPTIONS', '/login', { headers: { Origin: from, 'Access-Control-Request-Method': 'POST' } })
  for (const from of [...apps, apps.at(-1)?.toLowerCase() ?? '']) {
    for (const { headers } of [await preflightOf(from), await other.get('/jwks', { Origin: from })]) {
      t.is(headers.get('access-control-allow-origin'), from)
      t.is(headers.get('access-control-allow-credentials'), 'true')
    }
  }
  const unlisted = [
    'capacitor://localhost:1',
    'capacitor://evil',
    'tauri:',
    'chrome-extension://a',
    'null',
    'https://localhost',
  ]
  for (const from of unlisted) t.deepEqual(corsHeaders((await preflightOf(from)).headers), [], from)
})

test('a preflight allows the headers of W3C Trace Context, which tracing libraries add', async (t) => {
  const { headers } = await preflight(origin)
  const allowed = headers.get('access-control-allow-headers')?.toLowerCase().split(', ') ?? []
  for (const name of ['traceparent', 'tracestate', 'baggage', 'accept-language'])
    t.true(allowed.includes(name))
})

test('an answer to an allowed origin names that origin, and is kept apart from others in caches', async (t) => {
  for (const path of ['/jwks', '/providers', '/healthz']) {
    const { headers } = await app.get(path, { Origin: origin })
    t.is(headers.get('access-control-allow-origin'), origin)
    t.regex(headers.get('vary') ?? '', /\bOrigin\b/)
    t.deepEqual(corsHeaders((await app.get(path)).headers), [])
  }
})

test('an error can be read by a page of an allowed origin', async (t) => {
  const failures = [
    await app.get('/user', { Origin: origin }),
    await app.get('/nowhere', { Origin: origin }),
    await app.get(`/user?${'x'.repeat(3000)}`, { Origin: origin }),
    await app.call('POST', '/login', { raw: '{', headers: { Origin: origin } }),
  ]
  const codes = ['invalid_token', 'not_found', 'query_too_long', 'malformed_request']
  for (const [index, answer] of failures.entries()) {
    refused(t, answer, answer.status, codes[index] ?? '')
    t.is(answer.headers.get('access-control-allow-origin'), origin)
    t.regex(answer.headers.get('access-control-expose-headers') ?? '', /Retry-After.*X-Request-Id/)
  }
})

test.serial('without AUTH_CORS_ORIGINS the redirect origins may, apart from native apps', async (t) => {
  const other = await startApp({ engine: quick, env: { AUTH_REDIRECT_ORIGINS: `${origin},myapp://` } })
  t.teardown(other.close)
  t.is((await other.get('/jwks', { Origin: origin })).headers.get('access-control-allow-origin'), origin)
  t.deepEqual(corsHeaders((await other.get('/jwks', { Origin: 'myapp://' })).headers), [])
})
