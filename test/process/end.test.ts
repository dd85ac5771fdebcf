import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { signUp } from '../_client.ts'
import { runProcess, startProcess } from '../_process.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { beginLogin } from './_begin-login.ts'
import { startLoopingClients } from './_looping-clients.ts'

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test.serial(
    `${signal} waits for the answer of a pending login, and then ends the process with 0`,
    async (t) => {
      const gateway = await startProcess({}, await createFolder(t))
      t.teardown(() => gateway.stop('SIGKILL'))
      await signUp(gateway.url, 'anna')
      const login = beginLogin(gateway.url)
      await login.begun
      const ended = gateway.stop(signal)
      while (!gateway.output().includes('"stopping"')) await sleep(5)
      const answer = await login.finish()
      t.regex(answer, /^HTTP\/1\.1 200 OK\r\n/)
      t.regex(answer, /\r\nconnection: close\r\n/i)
      t.regex(answer, /"username":"anna"/)
      t.deepEqual(await ended, { code: 0, signal: null })
      await t.throwsAsync(fetch(`${gateway.url}/healthz`))
    },
  )
}

test.serial('/readyz is 503 from SIGTERM on, for every open connection', async (t) => {
  const gateway = await startProcess({}, await createFolder(t))
  t.teardown(() => gateway.stop('SIGKILL'))
  t.is((await fetch(`${gateway.url}/readyz`)).status, 200)
  await signUp(gateway.url, 'anna')
  // A pending request keeps its connection open until its answer.
  const login = beginLogin(gateway.url)
  await login.begun
  const { hostname, port } = new URL(gateway.url)
  const probe = connect(Number(port), hostname).setEncoding('utf8')
  probe.write('GET /readyz HTTP/1.1\r\nHost: probe\r\n')
  await fetch(`${gateway.url}/healthz`)
  const ended = gateway.stop('SIGTERM')
  while (!gateway.output().includes('"stopping"')) await sleep(5)
  probe.write('\r\n')
  const [answer] = await once(probe, 'data')
  t.regex(String(answer), /^HTTP\/1\.1 503 /)
  t.regex(await login.finish(), /^HTTP\/1\.1 200 OK\r\n/)
  t.deepEqual(await ended, { code: 0, signal: null })
})

test.serial(
  'for AUTH_DRAIN seconds after SIGTERM, /readyz is 503 and everything else is served',
  async (t) => {
    const gateway = await startProcess({ AUTH_DRAIN: '300' }, await createFolder(t))
    t.teardown(() => gateway.stop('SIGKILL'))
    const ended = gateway.stop('SIGTERM')
    while (!gateway.output().includes('"stopping"')) await sleep(5)
    for (let turn = 0; turn < 3; turn++) {
      t.is((await fetch(`${gateway.url}/readyz`)).status, 503)
      const answer = await fetch(`${gateway.url}/healthz`)
      t.is(answer.status, 200)
      t.is(answer.headers.get('connection'), 'close')
    }
    t.is((await signUp(gateway.url, 'anna')).status, 200)
    // A second signal ends the process at once.
    gateway.child.kill('SIGTERM')
    t.deepEqual(await ended, { code: null, signal: 'SIGTERM' })
  },
)

test.serial('a stop resets no request of eight clients in a loop', async (t) => {
  for (let stop = 0; stop < rounds(2, 10); stop++) {
    const gateway = await startProcess({ AUTH_DRAIN: '1' }, await createFolder(t))
    t.teardown(() => gateway.stop('SIGKILL'))
    const clients = startLoopingClients(gateway.url)
    await clients.begun
    t.deepEqual(await gateway.stop(), { code: 0, signal: null })
    t.deepEqual(await clients.failures, [])
  }
})

const mistakes = {
  unhandledRejection: `Promise.reject(new Error('a mistake'))`,
  uncaughtException: `setImmediate(() => { throw new Error('a mistake') })`,
}

for (const [origin, mistake] of Object.entries(mistakes)) {
  test.serial(
    `an ${origin} is logged, waits for the answer of a pending login, and ends the process with 1`,
    async (t) => {
      const module = `process.on('SIGUSR2', () => { ${mistake} })`
      const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(module)}`
      const gateway = await startProcess({ NODE_OPTIONS }, await createFolder(t))
      t.teardown(() => gateway.child.kill('SIGKILL'))
      const ended = once(gateway.child, 'close')
      await signUp(gateway.url, 'anna')
      const login = beginLogin(gateway.url)
      await login.begun
      // `stop` of the test helper throws after an uncaught exception.
      const stopped = t.throwsAsync(gateway.stop('SIGUSR2'), { message: /uncaught exception/ })
      while (!gateway.output().includes('"process.failed"')) await sleep(5)
      t.regex(await login.finish(), /^HTTP\/1\.1 200 OK\r\n/)
      t.deepEqual(await ended, [1, null])
      await stopped
      const lines = gateway
        .output()
        .split('\n')
        .filter((line) => line.includes('"process.failed"'))
      t.is(lines.length, 1)
      t.like(JSON.parse(lines[0] as string), { level: 60, origin, err: { message: 'a mistake' } })
    },
  )
}

test.serial('a start on a used port names the port and ends with 1', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { code, stdout, stderr } = await runProcess({ PORT: String(port) }, await createFolder(t))
  t.is(code, 1)
  t.regex(stderr, new RegExp(`^Claimgate did not start\\. .*127\\.0\\.0\\.1:${port}.*EADDRINUSE`))
  t.notRegex(stdout, /listens on/)
})
