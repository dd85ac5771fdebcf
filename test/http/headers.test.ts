import { type Answer, quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'
import { exchange, requestText } from './_wire.ts'

const github = { AUTH_GITHUB_CLIENT_ID: 'id', AUTH_GITHUB_CLIENT_SECRET: 'secret' }

let app: TestApp
let session: SessionBody
test.before('start', async () => {
  app = await startApp({ engine: quick, env: { ...github, AUTH_CORS_ORIGINS: 'https://app.test' } })
  session = await app.signup('resident')
})
test.after.always('stop', () => app?.close())

const secured: Record<string, string> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const login = { username: 'resident', password: 'correct horse' }
const answers: [what: string, status: number, ask: () => Promise<Answer<unknown>>][] = [
  ['a session', 200, () => app.post('/login', login)],
  ['the keys', 200, () => app.get('/jwks')],
  ['a logout', 204, async () => app.post('/logout', await app.login('resident').then(refreshOf))],
  ['a redirect', 302, () => app.get('/auth/github')],
  ['a body that cannot be parsed', 400, () => app.call('POST', '/login', { raw: '{' })],
  ['a wrong password', 401, () => app.login('resident', 'wrong')],
  ['a callback without a cookie', 403, () => app.get('/auth/github/callback?code=x&state=y')],
  ['an unknown path', 404, () => app.get('/nowhere')],
  ['a wrong method', 405, () => app.call('DELETE', '/login')],
  ['a name that is taken', 409, () => app.post('/signup', { ...login, confirmPassword: login.password })],
  ['a body that is too large', 413, () => app.call('POST', '/login', { raw: ' '.repeat(20_000) })],
  ['a query that is too long', 414, () => app.get(`/user?${'x'.repeat(3000)}`)],
  [
    'a wrong content type',
    415,
    () => app.call('POST', '/login', { raw: '{}', headers: { 'Content-Type': 'text/plain' } }),
  ],
  ['a body that is not valid', 422, () => app.post('/login', {})],
  [
    'a preflight',
    204,
    () =>
      app.call('OPTIONS', '/login', {
        headers: { Origin: 'https://app.test', 'Access-Control-Request-Method': 'POST' },
      }),
  ],
]

function refreshOf({ body: { refreshToken } }: Answer<SessionBody>): { refreshToken: string } {
  return { refreshToken }
}

for (const [what, status, ask] of answers) {
  test(`the answer to ${what} (${status}) has every security header, a request id, and no name of a product`, async (t) => {
    const { status: found, headers } = await ask()
    t.is(found, status)
    for (const [name, value] of Object.entries(secured)) t.is(headers.get(name), value, name)
    t.regex(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
    t.is(headers.get('x-powered-by'), null)
    t.is(headers.get('server'), null)
    t.regex(headers.get('vary') ?? '', /\bOrigin\b/)
    const cached = what === 'the keys' ? 'public, max-age=300' : 'no-store'
    t.is(headers.get('cache-control'), cached)
  })
}

test('X-Request-Id of the caller is kept if it is sane, and in the log and the problem too', async (t) => {
  for (const id of ['a', 'trace-1_2.3', 'x'.repeat(64)]) {
    const { headers, body } = await app.get('/nowhere', { 'X-Request-Id': id })
    t.is(headers.get('x-request-id'), id)
    t.is(body.requestId, id)
    t.true(app.logs.some(({ requestId, status }) => requestId === id && status === 404))
  }
  for (const id of ['', 'x'.repeat(65), 'a b', 'a"b', '<script>', '\u00ff', 'a,b']) {
    const { headers } = await app.get('/nowhere', { 'X-Request-Id': id })
    t.regex(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
  }
})

test('no log line says a password, a token, a query or a body', async (t) => {
  await app.as(session).get('/user?secret=query-1234')
  await app.login('resident', 'wrong-secret-1234')
  await app.call('POST', '/login', { raw: '{"password": "broken-secret-1234"' })
  await app.post('/token', { refreshToken: session.refreshToken })
  const log = JSON.stringify(app.logs)
  for (const secret of [login.password, session.token, session.refreshToken, 'secret-1234', 'query-1234']) {
    t.false(log.includes(secret))
  }
})

test('a Host header changes nothing that leaves: links, callback URL, issuer', async (t) => {
  const headers = { Host: 'evil.test', 'X-Forwarded-Host': 'evil.test', Forwarded: 'host=evil.test' }
  const ask = (line: string, more = {}, body = '') =>
    exchange(app.gateway.port, requestText(line, { ...headers, ...more }, body))
  const json = JSON.stringify(login)
  const about = { 'Content-Type': 'application/json', 'Content-Length': String(json.length) }
  const found = [
    await ask('GET /providers'),
    await ask('GET /auth/github'),
    await ask('POST /login', about, json),
  ]
  t.deepEqual(
    found.map(({ status }) => status),
    [200, 302, 200],
  )
  for (const { head, body } of found) t.notRegex(head + body, /evil/)
  t.regex(found[1]?.head ?? '', /redirect_uri=https%3A%2F%2Fgateway\.test%2Fauth%2Fgithub%2Fcallback&/)
  const { token } = JSON.parse(found[2]?.body ?? '') as SessionBody
  t.is(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).iss, 'https://gateway.test')
})

test('GET /providers lists the ways to sign in that are open', async (t) => {
  t.deepEqual((await app.get<unknown>('/providers')).body, [
    { name: 'local', label: 'Username and password', flow: 'password', url: 'https://gateway.test/login' },
    { name: 'github', label: 'GitHub', flow: 'redirect', url: 'https://gateway.test/auth/github' },
  ])
})

test('GET /healthz and GET /readyz say that the process runs and that it can serve', async (t) => {
  t.deepEqual((await app.get('/healthz')).body, { status: 'ok' })
  t.deepEqual((await app.get('/readyz')).body, { status: 'ready' })
})

test.serial('without https there is no Strict-Transport-Security, and cookies are not Secure', async (t) => {
  const plain = await startApp({ engine: quick, env: { ...github, AUTH_PUBLIC_URL: 'http://gateway.test' } })
  t.teardown(plain.close)
  const { headers, status } = await plain.get('/auth/github', { 'X-Forwarded-Proto': 'https' })
  t.is(status, 302)
  t.is(headers.get('strict-transport-security'), null)
  t.notRegex(headers.get('set-cookie') ?? '', /;\s*secure/i)
  t.regex((await app.get('/auth/github')).headers.get('set-cookie') ?? '', /^__Host-.*;\s*secure/i)
})
