import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from '../../src/http/server.ts'
import { quick, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ env: { AUTH_HEADERS_TIMEOUT: '1', AUTH_REQUEST_TIMEOUT: '2' } })
  await app.signup('patient')
})
test.after.always('stop', () => app?.close())

/** Sends `begin`, then single bytes, and reads until the gateway closes the connection. */
function drip(begin: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    let timer: NodeJS.Timeout
    const socket: Socket = connect(app.gateway.port, '127.0.0.1', () => {
      socket.write(begin)
      timer = setInterval(() => socket.writable && socket.write('x'), 50)
    })
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(timer)
      resolve(answer)
    })
  })
}

const begun: [what: string, begin: string][] = [
  ['headers', 'GET /healthz HTTP/1.1\r\nHost: gateway.test\r\nX-Slow: '],
  [
    'a body',
    'POST /login HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{',
  ],
]
for (const [what, begin] of begun) {
  test(`a client that sends ${what} byte by byte is told so and cut off`, async (t) => {
    const answer = await drip(begin)
    t.regex(answer, /^HTTP\/1\.1 408 /)
    t.regex(answer, /\r\nContent-Type: application\/problem\+json/)
    t.regex(answer, /\r\nX-Content-Type-Options: nosniff\r\n/)
    t.regex(answer, /"code":"request_timeout"/)
  })
}

test('two hundred slow clients are cut off, and others are answered meanwhile', async (t) => {
  const slow = Array.from({ length: 200 }, (_, at) => drip(begun[at % 2]?.[1] ?? ''))
  for (let round = 0; round < 5; round++) t.is((await app.login('patient')).status, 200)
  for (const answer of await Promise.all(slow))
    t.true(answer === '' || answer.startsWith('HTTP/1.1 408 '), answer)
})

test('a connection on which nothing was ever sent keeps no gateway from ending', async (t) => {
  // Longer than a test may take.
  const other = await startApp({ engine: quick, env: { AUTH_SHUTDOWN_GRACE: '300' } })
  const socket = connect(other.gateway.port, '127.0.0.1')
  await once(socket, 'connect')
  await other.get('/healthz')
  await t.notThrowsAsync(Promise.all([once(socket, 'close'), other.close()]))
})

test('a client that timed out and keeps its half of the connection open holds no connection', async (t) => {
  const env = { AUTH_HEADERS_TIMEOUT: '1', AUTH_REQUEST_TIMEOUT: '2', AUTH_SHUTDOWN_GRACE: '300' }
  const other = await startApp({ engine: quick, env })
  const answers = begun.map(async ([, begin]) => {
    const socket = connect({ port: other.gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.write(begin)
    await once(socket, 'end')
    return answer
  })
  for (const answer of await Promise.all(answers)) t.regex(answer, /^HTTP\/1\.1 408 /)
  // The gateway ends when its last connection has ended.
  await t.notThrowsAsync(other.close())
})

test('a connection above AUTH_MAX_CONNECTIONS is closed, with one warning', async (t) => {
  const other = await startApp({ engine: quick, env: { AUTH_MAX_CONNECTIONS: '2' } })
  t.teardown(other.close)
  const open = async () => {
    const socket = connect(other.gateway.port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  const held = [await open(), await open()]
  for (let round = 0; round < 3; round++) await once(await open(), 'close')
  t.is(other.logs.filter(({ msg }) => /AUTH_MAX_CONNECTIONS/.test(String(msg))).length, 1)
  held[0]?.destroy()
  await until(() =>
    fetch(`${other.url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
})

test('an idle connection stays open for AUTH_KEEP_ALIVE_TIMEOUT, also beyond the limit on slow clients', async (t) => {
  const server = await listen((_req, res) => void res.end('answer'), {
    port: 0,
    host: '127.0.0.1',
    headersTimeout: 1,
    requestTimeout: 1,
    keepAliveTimeout: 620,
    idleTimeout: 1,
    maxConnections: 1,
    onFull: () => {},
    onClientError: (_error, socket) => socket.destroy(),
  })
  t.teardown(() => server.close({ drain: 0, grace: 0 }))
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const ask = async () => {
    const request = get({ agent, port: server.port, host: '127.0.0.1' })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await response.toArray()
    return { isReused: request.reusedSocket, keepAlive: response.headers['keep-alive'] }
  }
  t.deepEqual(await ask(), { isReused: false, keepAlive: 'timeout=620' })
  await sleep(2_000)
  t.deepEqual(await ask(), { isReused: true, keepAlive: 'timeout=620' })
})

test('a client that does not read its answers holds no connection', async (t) => {
  const answer = 'x'.repeat(10_000_000)
  const server = await listen((_req, res) => void res.end(answer), {
    port: 0,
    host: '127.0.0.1',
    headersTimeout: 1,
    requestTimeout: 1,
    keepAliveTimeout: 65,
    idleTimeout: 1,
    maxConnections: 1,
    onFull: () => {},
    onClientError: (_error, socket) => socket.destroy(),
  })
  const socket = connect(server.port, '127.0.0.1').pause()
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  for (let request = 0; request < 3; request++) socket.write('GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n')
  await once(socket, 'connect')
  const isServed = () =>
    fetch(`http://127.0.0.1:${server.port}/`).then(
      async (other) => (await other.text()).length === answer.length,
      () => false,
    )
  t.false(await isServed())
  await until(isServed)
  await server.close({ drain: 0, grace: 1 })
})
