import { quick, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { countRows, getRoutes, pageRoutes, postBodies, postRoutes } from './_routes.ts'
import { exchange, requestText } from './_wire.ts'

let app: TestApp
let before: unknown
test.before('start', async () => {
  app = await startApp({ engine: quick })
  before = await countRows(app)
})
test.after('nothing of what was refused has made a row', async (t) => {
  t.deepEqual(await countRows(app), before)
})
test.after.always('stop', () => app?.close())

const wire = (line: string, headers?: Record<string, string>, body?: string) =>
  exchange(app.gateway.port, requestText(line, headers, body))

const methodsOf = (path: string): string[] => [
  ...(getRoutes.includes(path) || pageRoutes.includes(path) ? ['GET', 'HEAD'] : []),
  ...(postRoutes.includes(path) ? ['POST'] : []),
]
const paths = [...new Set([...getRoutes, ...postRoutes])]

for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'M-SEARCH']) {
  test(`${method} on a route without it is 405 and says what is allowed`, async (t) => {
    for (const path of paths.filter((path) => !methodsOf(path).includes(method))) {
      const answer = await app.call(method, path)
      refused(t, answer, 405, 'method_not_allowed')
      t.deepEqual(answer.headers.get('allow')?.split(/, */).sort(), methodsOf(path).sort())
    }
  })
}

test('TRACE is 405: it would hand a page the headers that its browser hides from it', async (t) => {
  const { status, body } = await wire('TRACE /user', { Cookie: 'secret=1' })
  t.is(status, 405)
  t.notRegex(body, /secret=1/)
})

test('HEAD answers like GET without a body', async (t) => {
  for (const path of ['/jwks', '/healthz', '/readyz', '/providers', '/webhook']) {
    const [get, head] = await Promise.all([app.get(path), fetch(app.url + path, { method: 'HEAD' })])
    t.is(head.status, 200, path)
    t.is(await head.text(), '')
    t.is(head.headers.get('content-length'), get.headers.get('content-length'))
    t.is(head.headers.get('content-type'), get.headers.get('content-type'))
  }
  const head = await fetch(`${app.url}/login`, { method: 'HEAD' })
  t.is(head.status, 405)
  t.is(head.headers.get('allow'), 'POST')
  t.is(await head.text(), '')
})

test('OPTIONS says what a route allows', async (t) => {
  for (const path of paths) {
    const { ok, headers } = await fetch(app.url + path, { method: 'OPTIONS' })
    t.true(ok)
    t.deepEqual(headers.get('allow')?.split(/, */).sort(), methodsOf(path).sort())
  }
})

const unknown = [
  '/nowhere',
  '/login/x',
  '/user/%00',
  '/%',
  '/%zz',
  '/%e0%a4%a',
  '/auth',
  '/auth/',
  '/auth/local',
  '/auth/github',
  '/auth/__proto__',
  '/auth/constructor/callback',
  '/auth/%ff/callback?code=%ff&state=%',
  '/auth/..%2fuser',
  '/package.json',
  '/.env',
]
for (const path of unknown) {
  test(`${path} is 404 for every method`, async (t) => {
    for (const method of ['GET', 'POST', 'DELETE', 'PROPFIND', 'OPTIONS']) {
      const answer = await app.call(method, path)
      refused(t, answer, 404, 'not_found')
      t.is(answer.headers.get('allow'), null)
    }
  })
}

test('a query above 2048 characters is 414 before anything reads it', async (t) => {
  for (const query of ['a&'.repeat(1536), `x=${'y'.repeat(3070)}`, '%'.repeat(3072)]) {
    refused(t, await app.get(`/user?${query}`), 414, 'query_too_long')
    refused(t, await app.get(`/nowhere?${query}`), 414, 'query_too_long')
    refused(t, await app.post(`/login?${query}`, postBodies['/login']), 414, 'query_too_long')
  }
  t.is((await app.get(`/healthz?${'a&'.repeat(1024)}`)).status, 200)
})

test('headers that are legal and mean nothing do no harm', async (t) => {
  const rubbish = {
    Authorization: '\u00ff\u00fe=;,"',
    Cookie: '=;;;%00=%; __proto__=1; claimgate-flow=x',
    Origin: 'null',
    Referer: '//',
    Accept: 'x/y;q=2,,,',
    'Accept-Encoding': 'x',
    'X-Forwarded-For': ',,,;"',
    'X-Request-Id': '\u00ff'.repeat(100),
    'X-Hasura-Role': '\u00ff',
    Range: 'bytes=-1',
    'If-None-Match': '*',
  }
  for (const path of ['/jwks', '/healthz', '/providers']) t.is((await app.get(path, rubbish)).status, 200)
  refused(t, await app.get('/user', rubbish), 401, 'invalid_token')
  refused(t, await app.get('/webhook', rubbish), 401, 'invalid_token')
  const answer = await app.call('POST', '/login', { body: postBodies['/login'], headers: rubbish })
  refused(t, answer, 401, 'invalid_credentials')
})

const illegal: [what: string, request: string, status: number][] = [
  ['a line that is no request', 'hello\r\n\r\n', 400],
  ['another protocol version', 'GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n', 400],
  ['a header without a colon', 'GET /healthz HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n', 400],
  ['a NUL in a header', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400],
  ['two lengths', requestText('POST /login', { 'Content-Length': '2\r\nContent-Length: 3' }, '{}'), 400],
  [
    'a length and chunks',
    requestText('POST /login', { 'Content-Length': '2', 'Transfer-Encoding': 'chunked' }, '0\r\n\r\n'),
    400,
  ],
  ['headers above 16 KB', requestText('GET /healthz', { X: 'x'.repeat(17_000) }), 431],
  ['headers above 32 KB', requestText('GET /auth/github/callback', { X: 'x'.repeat(33_000) }), 431],
]
for (const [what, request, status] of illegal) {
  test(`a request with ${what} is ${status} in the form of every error, and the next one is served`, async (t) => {
    const answer = await exchange(app.gateway.port, request)
    t.is(answer.status, status)
    t.regex(answer.head, /\r\nX-Content-Type-Options: nosniff\r\n/)
    t.regex(answer.head, /\r\nConnection: close(\r\n|$)/)
    t.like(JSON.parse(answer.body), {
      status,
      code: status === 431 ? 'headers_too_large' : 'malformed_request',
    })
    t.is((await app.get('/healthz')).status, 200)
  })
}

for (const [what, text] of [
  ['without Host', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ['for what is no URL', requestText('GET http://[', { Connection: 'keep-alive' })],
] as const) {
  test(`a request ${what} is 400 in the form of every error, and its connection is closed`, async (t) => {
    const answer = await exchange(app.gateway.port, text)
    t.is(answer.status, 400)
    t.regex(answer.head, /\r\nX-Content-Type-Options: nosniff\r\n/)
    t.like(JSON.parse(answer.body), { status: 400, code: 'malformed_request' })
  })
}

test('an unknown expectation is ignored', async (t) => {
  t.is((await exchange(app.gateway.port, requestText('GET /healthz', { Expect: 'foo' }))).status, 200)
})

test('rubbish behind a request is not answered in its place', async (t) => {
  const request = requestText('GET /healthz', { Connection: 'keep-alive' })
  t.is((await exchange(app.gateway.port, `${request}rubbish\r\n\r\n`)).status, 200)
})

test('rubbish behind several requests leaves the answers of all of them', async (t) => {
  const open = { Connection: 'keep-alive' }
  const body = JSON.stringify({ username: 'nobody', password: 'wrong horse' })
  const headers = { ...open, 'Content-Type': 'application/json', 'Content-Length': String(body.length) }
  const requests = [requestText('POST /login', headers, body), requestText('GET /healthz', open)]
  const { head, body: rest } = await exchange(app.gateway.port, `${requests.join('')}rubbish\r\n\r\n`)
  t.deepEqual(`${head}${rest}`.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 401', 'HTTP/1.1 200'])
})

test('a body that is no chunk is refused at once, as what is wrong with its own request', async (t) => {
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }
  const { status, body } = await wire('POST /login', headers, 'ZZ\r\n')
  // At the request timeout it would be 408.
  t.is(status, 400)
  t.regex(body, /malformed_request/)
})

test('the log line of a request that failed has the code of its error', async (t) => {
  const requestId = 'failed-request'
  const to = encodeURIComponent('https://elsewhere.test/')
  await app.call('GET', `/signin?redirect_to=${to}`, { headers: { 'X-Request-Id': requestId } })
  const line = app.logs.find((each) => each.requestId === requestId && each.msg === 'request')
  t.like(line, { route: '/signin', status: 403, code: 'redirect_not_allowed' })
})

test('a request that names two hosts is refused, and its connection is closed', async (t) => {
  const twice = 'GET /healthz HTTP/1.1\r\nHost: a.test\r\nHOST: b.test\r\n\r\n'
  const { status, body } = await exchange(app.gateway.port, twice)
  t.is(status, 400)
  t.regex(body, /The header Host comes twice/)
})

test('of a thousand bad fields twenty are named', async (t) => {
  const headers = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`h${at}`, at]))
  for (const [path, body] of [
    ['/webhook', { headers }],
    ['/login', headers],
  ] as const) {
    const answer = await app.call('POST', path, { body })
    t.is((answer.body.errors as unknown[]).length, 20, path)
  }
})

test('a body in chunks is held to the same limit', async (t) => {
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }
  const chunk = `2000\r\n${' '.repeat(8192)}\r\n`
  const { status, body } = await wire('POST /login', headers, chunk.repeat(3))
  t.is(status, 413)
  t.regex(body, /body_too_large/)
})

test('what is said of a body is never taken from the body', async (t) => {
  for (const raw of ['twice', '{"a": An object has the same member twice}']) {
    const answer = await app.call('POST', '/login', { raw })
    refused(t, answer, 400, 'malformed_request')
    t.is((answer.body as { detail: string }).detail, 'The body is not JSON in UTF-8')
  }
})
