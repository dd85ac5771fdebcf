import { once } from 'node:events'
import { connect } from 'node:net'
import pg from 'pg'
import { engines } from '../_app.ts'
import { readKids, signUp } from '../_client.ts'
import { type GatewayProcess, startProcess } from '../_process.ts'
import { rounds } from '../_rounds.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { createFolder } from '../database/_databases.ts'
import { beginLogin } from './_begin-login.ts'
import { startLoopingClients } from './_looping-clients.ts'
import { askAnew, createEnvironment, findWorkers, readLog, startWorkers } from './_workers.ts'

/** Sends requests until two workers have answered; returns the two. */
async function meetBoth(gateway: GatewayProcess, but?: number): Promise<number[]> {
  const found = () => [...findWorkers(gateway)].filter((pid) => pid !== but)
  await until(async () => (await askAnew(gateway)) === 200 && found().length === 2)
  return found()
}

/** Returns the value of a series in a scrape. */
async function scrape(gateway: GatewayProcess, series: string): Promise<number> {
  const port = /^Metrics: port (\d+)$/m.exec(gateway.output())?.[1]
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { Connection: 'close' } })
  const line = (await response.text()).split('\n').find((text) => text.startsWith(`${series} `))
  return Number(line?.slice(series.length))
}

/** Begins two logins of anna, one at each worker. */
async function beginLogins(t: ExecutionContext, gateway: GatewayProcess) {
  t.is((await signUp(gateway.url, 'anna')).status, 200)
  await meetBoth(gateway)
  // Connections go to the workers in turn.
  const logins = [beginLogin(gateway.url), beginLogin(gateway.url)]
  await Promise.all(logins.map(({ begun }) => begun))
  return logins
}

if (engines.includes('server')) {
  test.serial('two workers answer on one port, as one deployment with one startup message', async (t) => {
    const gateway = await startWorkers(t)
    const workers = await meetBoth(gateway)
    t.false(workers.includes(gateway.child.pid as number))
    t.is(gateway.output().match(/listens on/g)?.length, 1, gateway.output())
    t.is((await readKids(gateway.url)).length, 1)

    const counted =
      'claimgate_http_request_duration_seconds_count{method="GET",route="/providers",status="200"}'
    const before = await scrape(gateway, counted)
    t.true(before >= 2)
    await until(() => readLog(gateway).filter(({ msg }) => msg === 'request').length === before)
    for (let turn = 0; turn < 5; turn++) await askAnew(gateway)
    // Each worker returns the numbers of both.
    for (let turn = 0; turn < 4; turn++) t.is(await scrape(gateway, counted), before + 5)
    t.is(await scrape(gateway, 'claimgate_processes'), 2)
    t.true((await scrape(gateway, 'claimgate_signing_key_age_seconds')) < 60)
    const together = Array.from({ length: 20 }, () => scrape(gateway, 'claimgate_processes'))
    t.deepEqual(new Set(await Promise.all(together)), new Set([2]))
    t.is((await fetch(`${gateway.url}/metrics`)).status, 404)
    t.false(gateway.output().includes('MaxListeners'), 'each pending request adds an exit listener')

    const [first] = workers as [number]
    process.kill(first, 'SIGKILL')
    await until(() => readLog(gateway).some(({ event }) => event === 'worker.ended'))
    for (let turn = 0; turn < 10; turn++) t.is(await askAnew(gateway), 200)
    const after = await meetBoth(gateway, first)
    t.is(new Set([...workers, ...after]).size, 3)
    await until(async () => (await scrape(gateway, 'claimgate_processes')) === 2)
    t.is(gateway.output().match(/listens on/g)?.length, 1)
    t.deepEqual(await gateway.stop(), { code: 0, signal: null })
  })

  test.serial(
    'a worker that cannot start while another serves is started again, and ends no other worker',
    async (t) => {
      const env = await createEnvironment()
      const gateway = await startProcess(env, await createFolder(t))
      t.teardown(() => gateway.stop('SIGKILL'))
      const client = new pg.Client(env.DATABASE_URL)
      await client.connect()
      t.teardown(() => client.end())
      const [first] = (await meetBoth(gateway)) as [number]
      await client.query('CREATE TABLE kept AS SELECT * FROM signing_key')
      await client.query(`UPDATE signing_key SET private_key = 'spoilt'`)
      process.kill(first, 'SIGKILL')
      const ends = () => readLog(gateway).filter(({ event }) => event === 'worker.ended')
      await until(() => ends().length >= 3)
      t.regex(String(ends().at(-1)?.err?.message), /was encrypted with another AUTH_SECRET/)
      t.is(await askAnew(gateway), 200)
      await client.query(
        'UPDATE signing_key s SET private_key = k.private_key FROM kept k WHERE k.kid = s.kid',
      )
      await meetBoth(gateway, first)
      t.deepEqual(await gateway.stop(), { code: 0, signal: null })
    },
  )

  test.serial('SIGTERM to the primary process waits for the pending requests of both workers', async (t) => {
    const gateway = await startWorkers(t)
    const logins = await beginLogins(t, gateway)
    const ended = gateway.stop('SIGTERM')
    await until(() => readLog(gateway).filter(({ msg }) => msg === 'stopping').length === 3)
    for (const login of logins) t.regex(await login.finish(), /^HTTP\/1\.1 200 OK\r\n.*"username":"anna"/s)
    t.deepEqual(await ended, { code: 0, signal: null })
  })

  test.serial('a stop of two workers resets no request of eight clients in a loop', async (t) => {
    for (let stop = 0; stop < rounds(1, 10); stop++) {
      const env = { ...(await createEnvironment()), AUTH_DRAIN: '1' }
      const gateway = await startProcess(env, await createFolder(t))
      t.teardown(() => gateway.stop('SIGKILL'))
      const clients = startLoopingClients(gateway.url, { moves: true })
      await clients.begun
      t.deepEqual(await gateway.stop(), { code: 0, signal: null })
      t.deepEqual(await clients.failures, [])
    }
  })

  test.serial('a signal to every process, as by Ctrl-C, counts once', async (t) => {
    const gateway = await startWorkers(t)
    const logins = await beginLogins(t, gateway)
    for (const pid of findWorkers(gateway)) process.kill(pid, 'SIGINT')
    const ended = gateway.stop('SIGINT')
    const stopping = () => readLog(gateway).filter(({ msg }) => msg === 'stopping').length
    // Each worker receives it twice: from the terminal, and from the primary process.
    await until(() => stopping() === 5)
    for (const login of logins) t.regex(await login.finish(), /^HTTP\/1\.1 200 OK\r\n/)
    t.deepEqual(await ended, { code: 0, signal: null })
    t.false(readLog(gateway).some(({ event }) => event === 'worker.ended'))
  })

  test.serial('a worker that does not stop is killed, and the exit code is 1', async (t) => {
    const env = { ...(await createEnvironment()), AUTH_SHUTDOWN_GRACE: '0', AUTH_DATABASE_TIMEOUT: '1' }
    const gateway = await startProcess(env, await createFolder(t))
    t.teardown(() => gateway.stop('SIGKILL'))
    const [frozen] = (await meetBoth(gateway)) as [number]
    process.kill(frozen, 'SIGSTOP')
    t.deepEqual(await gateway.stop(), { code: 1, signal: null })
    t.is(readLog(gateway).filter(({ event }) => event === 'worker.killed').length, 1)
  })

  test.serial('when the primary process is killed, the workers end and the port is free', async (t) => {
    const gateway = await startWorkers(t)
    await meetBoth(gateway)
    // Its streams close with the last process that holds them.
    t.deepEqual(await gateway.stop('SIGKILL'), { code: null, signal: 'SIGKILL' })
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    const [error] = await once(socket, 'error').catch((thrown) => [thrown])
    t.is(error.code, 'ECONNREFUSED')
  })
} else {
  test('workers require a server', (t) => t.pass())
}
