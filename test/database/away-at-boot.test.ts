import { generateKeyPairSync } from 'node:crypto'
import { createServerDatabase, engines } from '../_app.ts'
import { ask, logIn, type Reply, readKids, signUp } from '../_client.ts'
import { awayLine, type GatewayProcess, startProcess, startupLine } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { type Relay, startRelay } from '../http/_relay.ts'
import { postBodies } from '../http/_routes.ts'
import { createFolder } from './_databases.ts'

const AUTH_SECRET = 'a secret that is only good for tests 0123456789'

if (engines.includes('server')) {
  const outages: [what: string, begin: (relay: Relay) => unknown][] = [
    ['refuses connections', (relay) => relay.cut()],
    ['accepts connections and does not answer', (relay) => relay.swallow()],
  ]
  for (const [what, begin] of outages) {
    test(`a gateway whose database ${what} at its start is healthy and not ready, and becomes ready by itself`, async (t) => {
      const relay = await startStage(t, begin)
      const gateway = await start(t, { DATABASE_URL: relay.url })
      t.is((await ask(`${gateway.url}/healthz`)).status, 200)
      t.is((await ask(`${gateway.url}/providers`)).status, 200)
      for (const path of ['/readyz', '/jwks', '/.well-known/jwks.json'])
        unavailable(t, path, await ask(gateway.url + path))
      for (const path of ['/signup', '/login', '/token/exchange'])
        unavailable(t, path, await ask(gateway.url + path, postBodies[path]))

      await relay.mend()
      await until(async () => (await ask(`${gateway.url}/readyz`)).status === 200)
      await until(() => startupLine.test(gateway.output()))
      // Log lines are written up to 50 milliseconds late.
      await until(() => readAvailability(gateway).at(-1) === 'database available; serving all requests')
      const logged = readAvailability(gateway).slice(0, -1)
      for (const [at, reason] of logged.entries()) t.not(reason, logged[at + 1], 'a reason is logged once')
      t.is((await readKids(gateway.url)).length, 1)
      t.is((await signUp(gateway.url, 'anna')).status, 200)
      t.is((await logIn(gateway.url, 'anna')).status, 200)
    })
  }

  test('while the database is unreachable at the start, a valid token is neither rejected nor anonymous', async (t) => {
    const relay = await startStage(t)
    const env = { DATABASE_URL: relay.url, AUTH_JWKS_MAX_AGE: '1' }
    const before = await start(t, env, startupLine)
    const { token, refreshToken } = (await signUp(before.url, 'anna')).body
    await before.stop()

    await relay.cut()
    const AUTH_PRIVATE_KEY = generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ format: 'pem', type: 'pkcs8' })
      .toString()
    // A gateway without keys, and a gateway with another key than the token's.
    for (const key of [{}, { AUTH_PRIVATE_KEY }]) {
      const gateway = await start(t, { ...env, ...key })
      const jwks = await ask(`${gateway.url}/jwks`)
      t.is(jwks.status, 'AUTH_PRIVATE_KEY' in key ? 200 : 503)
      const headers = { Authorization: `Bearer ${token}` }
      unavailable(t, 'GET /webhook', await ask(`${gateway.url}/webhook`, undefined, headers))
      unavailable(t, 'POST /webhook', await ask(`${gateway.url}/webhook`, { headers }))
      unavailable(t, '/user', await ask(`${gateway.url}/user`, undefined, headers))
      unavailable(t, '/token', await ask(`${gateway.url}/token`, { refreshToken }))
      t.deepEqual((await ask(`${gateway.url}/webhook`)).body, { 'X-Hasura-Role': 'anonymous' })
      const bad = await ask(`${gateway.url}/webhook`, undefined, { Authorization: 'Bearer x.y.z' })
      t.is(bad.status, 401)

      await relay.mend()
      await until(async () => (await ask(`${gateway.url}/readyz`)).status === 200)
      t.is((await ask(`${gateway.url}/user`, undefined, headers)).status, 200)
      t.is((await ask(`${gateway.url}/token`, { refreshToken })).status, 200)
      await relay.cut()
    }
  })

  test('a start with an unreachable database ends with 1 when the database comes and rejects it permanently', async (t) => {
    const relay = await startStage(t, (relay) => relay.cut())
    const gateway = await start(t, { DATABASE_URL: relay.url.replace(/[^/]+$/, 'missing') })
    const ended = new Promise((resolve) => gateway.child.once('close', resolve))
    await relay.mend()
    t.is(await ended, 1)
    t.regex(
      gateway.output(),
      /^Claimgate did not start\. The database cannot be used: .*"missing" does not exist\. Create it with CREATE DATABASE.*$/m,
    )
  })

  test('SIGTERM ends a gateway that never reached its database, with 0', async (t) => {
    const relay = await startStage(t, (relay) => relay.swallow())
    const gateway = await start(t, { DATABASE_URL: relay.url })
    t.deepEqual(await gateway.stop(), { code: 0, signal: null })
  })
} else {
  test('only a server can be unreachable', (t) => t.pass())
}

/** Creates a database behind a relay; `begin` sets the relay's state. */
async function startStage(t: ExecutionContext, begin: (relay: Relay) => unknown = () => {}): Promise<Relay> {
  const relay = await startRelay(await createServerDatabase())
  t.teardown(relay.cut)
  await begin(relay)
  return relay
}

/** Reads the reasons of an unavailable database from the log, and the message that it is available. */
function readAvailability(gateway: GatewayProcess): string[] {
  return gateway
    .output()
    .split('\n')
    .filter((line) => /"msg":"database (un)?available;/.test(line))
    .map((line) => JSON.parse(line))
    .map(({ msg, err }) => err?.message ?? msg)
}

async function start(
  t: ExecutionContext,
  env: Record<string, string>,
  line = awayLine,
): Promise<GatewayProcess> {
  const gateway = await startProcess({ AUTH_SECRET, ...env }, await createFolder(t), line)
  t.teardown(() => gateway.stop('SIGKILL'))
  return gateway
}

function unavailable(t: ExecutionContext, what: string, { status, body }: Reply<unknown>): void {
  t.like({ status, ...(body as object) }, { status: 503, code: 'database_unavailable' }, what)
}
