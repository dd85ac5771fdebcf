import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Dependencies } from '../../src/dependencies.ts'
import { fastPath } from '../../src/endpoints/fast-path.ts'
import { startApp, type TestApp } from '../_app.ts'
import { grant } from '../_grant.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { exchange, requestText, type WireAnswer } from '../http/_wire.ts'

let app: TestApp
let token: string

test.before('start', async () => {
  app = await startApp({ env: { AUTH_WEBHOOK_SECRET: secret, AUTH_ANONYMOUS_ROLE: 'visitor' } })
  const session = await app.signup('ada')
  await grant(app, session.id, 'editor')
  // The text of the UTF-8 bytes of é, read as Latin-1.
  await grant(app, session.id, 'Ã©')
  await app.sql(`INSERT INTO user_claim (user_id, name, value) SELECT id, 'org-ids', '[1,"ä"]' FROM "user"`)
  token = session.token
})
test.after.always('stop', () => app?.close())

const secret = 'a webhook secret of at least 32 bytes'
const lines = [
  ...[
    '/jwks',
    '/.well-known/jwks.json',
    '/webhook',
    '/webhook?',
    `/webhook?secret=${encodeURIComponent(secret)}`,
  ],
  ...['/jwks?a=1', '/jwks/', '/JWKS', '//jwks', '/webhook#a', 'http://gateway.test/jwks'],
].map((target) => `GET ${target}`)
const others = [
  'POST /webhook',
  'HEAD /jwks',
  'OPTIONS /jwks',
  'DELETE /webhook',
  'GET /user',
  'GET /healthz',
]

/** Headers of requests, usual and unusual. */
function variants(): Record<string, string>[] {
  const known = { 'X-Webhook-Secret': secret, Authorization: `Bearer ${token}` }
  return [
    {},
    known,
    { ...known, 'X-Hasura-Role': 'editor' },
    { ...known, 'X-Hasura-Role': '' },
    { ...known, 'x-hasura-role': 'admin' },
    { ...known, 'X-Hasura-Role': 'édi' },
    { ...known, 'X-Hasura-Role': 'é' },
    { ...known, 'X-Hasura-Role': 'editor', 'x-hasura-role': 'user' },
    { ...known, 'X-Hasura-User-Id': '1', 'X-Hasura-Org-Ids': '{2}' },
    { ...known, authorization: `Bearer ${token}` },
    { ...known, Authorization: `bearer   ${token}` },
    { ...known, Authorization: `Bearer ${token}x` },
    { ...known, Authorization: 'Basic YTpi' },
    { ...known, 'X-Webhook-Secret': 'wrong' },
    { 'X-Webhook-Secret': secret },
    { ...known, Origin: 'https://app.example.com' },
    { ...known, 'X-Request-Id': 'a b' },
    { ...known, 'x-request-id': 'another' },
    { ...known, 'X-Padding': 'a'.repeat(17_000) },
    { ...known, 'X-Forwarded-For': '203.0.113.7', Traceparent: '00-1-2-01' },
    { ...known, Host: '' },
    { ...known, host: 'twice.test' },
    { ...known, Expect: 'something' },
    { ...known, 'Accept-Encoding': 'gzip', 'If-None-Match': '"1"' },
  ]
}

/** Returns the parts of an answer that a client sees, without the time. */
function visible({ status, head, body }: WireAnswer) {
  const headers = head
    .split('\r\n')
    .slice(1)
    .filter((line) => !line.startsWith('Date: '))
    .sort()
  return { status, headers, body: body.replace(/"iat":\d+/, '') }
}

/** Sends a request twice: a `Content-Length` of 0 leads it to the application. */
async function compare(t: ExecutionContext, line: string, headers: Record<string, string>): Promise<number> {
  const { gateway } = app
  const named = { 'X-Request-Id': 'same', ...headers }
  const before = app.logs.length
  const [fast, plain] = [
    await exchange(gateway.port, requestText(line, named)),
    await exchange(gateway.port, requestText(line, { ...named, 'Content-Length': '0' })),
  ]
  // A generated id differs in each request.
  const neutral = (answer: WireAnswer) =>
    JSON.parse(JSON.stringify(visible(answer)).replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id'))
  t.deepEqual(neutral(fast), neutral(plain), `${line} ${JSON.stringify(headers)}`)
  const logged = app.logs.slice(before).map(({ time, ms, requestId, err, ...rest }) => rest)
  const half = logged.length / 2
  t.deepEqual(logged.slice(0, half), logged.slice(half), `log of ${line} ${JSON.stringify(headers)}`)
  return fast.status
}

test.serial(
  'the answers and log lines of a hundred different requests are those of the plain path',
  async (t) => {
    const statuses = new Set<number>()
    for (const line of lines) for (const headers of variants()) statuses.add(await compare(t, line, headers))
    for (const line of others) statuses.add(await compare(t, line, { Authorization: `Bearer ${token}` }))
    t.deepEqual([...statuses].sort(), [200, 400, 401, 404, 405, 431])
  },
)

/** Starts a server with the fast path over `deps`, whose plain path answers 418, and returns its port. */
async function startFastPath(t: ExecutionContext, deps: object): Promise<number> {
  const plain: RequestListener = (_req, res) => void res.writeHead(418).end()
  const server = createServer(fastPath(deps as Dependencies, plain))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Returns the status of a request to the fast path over `deps`. */
async function statusOf(
  t: ExecutionContext,
  deps: object,
  line: string,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await exchange(await startFastPath(t, deps), requestText(line, headers))).status
}

const now = new Date()
const ada = { userId: 'ada', sessionId: 'one', expiresAt: now.getTime() / 1000 + 60, authTime: 0 }
const access = { ...ada, roles: ['editor'], defaultRole: null, extraClaims: {} }

/** The dependencies of the fast path, where one token is known. */
const known = {
  config: {
    publicUrl: 'http://gateway.test',
    jwksMaxAge: 60,
    roles: { defaultRole: 'user', allowAdmin: false },
  },
  log: { isLevelEnabled: () => false },
  keys: { jwks: '{"keys":[]}' },
  clock: () => now,
  accessTokens: {
    verifyNow: (given: string) => {
      if (given === 'of.another.key') return undefined
      if (given !== 'a.b.c') throw new Error('invalid')
      return ada
    },
  },
  webhookReads: { read: async () => access, handOver: () => {} },
}
const bearer = { Authorization: 'Bearer a.b.c' }

test('the fast path answers ordinary requests', async (t) => {
  t.is(await statusOf(t, known, 'GET /jwks'), 200)
  t.is(await statusOf(t, known, 'GET /.well-known/jwks.json'), 200)
  t.is(await statusOf(t, known, 'GET /webhook', bearer), 200)
  t.is(await statusOf(t, known, 'GET /webhook', { ...bearer, 'X-Hasura-Role': 'editor' }), 200)
})

test('every other request and every failure goes to the plain path', async (t) => {
  const failing = {
    keys: {
      get jwks() {
        throw new Error('unknown')
      },
    },
  }
  const reads = { ...known.webhookReads }
  const ended = { webhookReads: { ...reads, read: async () => null } }
  const away = { webhookReads: { ...reads, read: () => Promise.reject(new Error('away')) } }
  const leaving = { ...access, roles: [''] }
  const leftOut = { webhookReads: { ...reads, read: async () => leaving } }
  const cases: [object, string, Record<string, string>?][] = [
    [{}, 'GET /webhook'],
    [{}, 'GET /webhook', { Authorization: 'Bearer d.e.f' }],
    [{}, 'GET /webhook', { Authorization: 'Bearer of.another.key' }],
    [{}, 'GET /webhook', { ...bearer, 'X-Hasura-Role': 'admin' }],
    [{}, 'POST /webhook', { ...bearer, 'Content-Length': '0' }],
    [{}, 'GET /jwks?', {}],
    [{}, 'GET /jwks', { Origin: 'https://app.test' }],
    [{ tracing: {} }, 'GET /jwks'],
    [failing, 'GET /jwks'],
    [ended, 'GET /webhook', bearer],
    [away, 'GET /webhook', bearer],
    [leftOut, 'GET /webhook', bearer],
  ]
  for (const [changes, line, headers] of cases)
    t.is(
      await statusOf(t, { ...known, ...changes }, line, headers),
      418,
      `${line} ${JSON.stringify(headers)}`,
    )
})

test('a token that expires while its session is read has no seconds left', async (t) => {
  const times = [now, new Date(now.getTime() + 3_600_000)]
  const port = await startFastPath(t, { ...known, clock: () => times.shift() })
  t.regex((await exchange(port, requestText('GET /webhook', bearer))).body, /"max-age=0"/)
})

test('the prepared answers of a session take no more memory with more roles', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const roles = Array.from({ length: 100 }, (_, at) => `role-${at}`)
  const many = { ...access, roles, extraClaims: { text: JSON.stringify('a'.repeat(200_000)) } }
  const deps = { ...known, webhookReads: { ...known.webhookReads, read: async () => many } }
  const port = await startFastPath(t, deps)
  const ask = (role: string) =>
    exchange(port, requestText('GET /webhook', { ...bearer, 'X-Hasura-Role': role }))
  const readHeap = () => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  await ask('role-0')
  const before = readHeap()
  for (const role of roles) t.is((await ask(role)).status, 200)
  const grown = readHeap() - before
  t.true(grown < 5_000_000, `${grown} bytes`)
})
