import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { quick, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'

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
