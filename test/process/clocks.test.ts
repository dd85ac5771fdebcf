import pg from 'pg'
import { createMigratedDatabase, engines, type SessionBody } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import { readJwks, readToken } from '../_hasura.ts'
import { type GatewayProcess, startProcess } from '../_process.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { shiftClock } from './_shifted-clock.ts'
import { readLog } from './_workers.ts'

const loginBody = { username: 'replica', password: 'pass' }
const signupBody = { ...loginBody, confirmPassword: 'pass' }

let right: GatewayProcess
let ahead: GatewayProcess
let behind: GatewayProcess
let client: pg.Client

/** A gateway with the true time, one that is two minutes ahead and one that is two minutes behind, on one database. */
const replicas = () => [right, ahead, behind] as const
const onServer = engines.includes('server') ? test.serial : test.serial.skip

test.serial.before('start', async () => {
  if (!engines.includes('server')) return
  const cwd = await makeDirectory('claimgate-clocks')
  const env = {
    AUTH_SECRET: 'a secret that is only good for tests 0123456789',
    AUTH_METRICS: 'true',
    AUTH_JWKS_MAX_AGE: '2',
    AUTH_RATE_LIMIT: 'on',
    AUTH_SIGNUP_ATTEMPTS: '4',
    AUTH_SIGNUP_WINDOW: '60',
    DATABASE_URL: await createMigratedDatabase(),
  }
  right = await startProcess(env, cwd)
  ahead = await startProcess({ ...env, ...shiftClock(120) }, cwd)
  behind = await startProcess({ ...env, ...shiftClock(-120) }, cwd)
  client = new pg.Client({ connectionString: env.DATABASE_URL })
  await client.connect()
  await post(right, '/signup', signupBody)
})
test.after.always('stop', async () => {
  await client?.end()
  for (const gateway of replicas()) await gateway?.stop()
})

async function post({ url }: GatewayProcess, path: string, content: object, browser = 'Firefox/140.0') {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'User-Agent': browser },
    body: JSON.stringify(content),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as SessionBody }
}

const refresh = (gateway: GatewayProcess, refreshToken: string, browser?: string) =>
  post(gateway, '/token', { refreshToken }, browser)

const skewOf = async ({ url }: GatewayProcess) =>
  Number(/^claimgate_clock_skew_seconds (\S+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1])

onServer('a repeated refresh within the grace keeps the session, whatever the clocks say', async (t) => {
  for (const [first, second] of [
    [right, ahead],
    [ahead, right],
    [right, behind],
    [behind, right],
    [ahead, behind],
    [behind, ahead],
  ] as const) {
    const { body } = await post(first, '/login', loginBody)
    const one = await refresh(first, body.refreshToken)
    // After the grace, another kind of browser would be a thief.
    const again = await refresh(second, body.refreshToken, 'Chrome/140.0')
    t.deepEqual([one.status, again.status], [200, 200])
    t.is(again.body.refreshToken, one.body.refreshToken)
    t.is((await refresh(second, again.body.refreshToken)).status, 200)
  }
})

onServer('a token has the true time, and every replica accepts it', async (t) => {
  for (const issuer of replicas()) {
    const { token } = (await post(issuer, '/login', loginBody)).body
    const jwks = readJwks(await (await fetch(`${issuer.url}/jwks`)).text())
    const { iat, iss, aud } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
    // The clocks of a gateway and its database agree to half a round trip, which may end a second.
    readToken(token, jwks, { now: Date.now() / 1000, skew: 1, issuer: iss, audience: aud })
    t.true(iat > Date.now() / 1000 - 60, String(iat))
    for (const { url } of replicas()) {
      const { status } = await fetch(`${url}/webhook`, { headers: { Authorization: `Bearer ${token}` } })
      t.is(status, 200)
    }
  }
})

onServer('a next key signs after twice AUTH_JWKS_MAX_AGE, by the database’s clock', async (t) => {
  const before = (await client.query('SELECT clock_timestamp() AS now')).rows[0].now
  const read = async () =>
    (
      await client.query(
        `SELECT state, created_at BETWEEN $1::timestamptz - interval '1 second' AND clock_timestamp() + interval '1 second' AS "isNew",
        active_at >= created_at + interval '4 seconds' AS "isLate",
        active_at <= clock_timestamp() + interval '1 second' AS "isActive"
        FROM signing_key ORDER BY created_at`,
        [before],
      )
    ).rows
  await client.query(
    `UPDATE signing_key SET created_at = created_at - interval '100 days', active_at = active_at - interval '100 days'`,
  )
  await until(async () => (await read()).length === 2)
  t.like((await read())[1], { state: 'next', isNew: true })
  await until(async () => (await read())[1]?.state === 'active')
  t.like((await read())[1], { isNew: true, isLate: true, isActive: true })
  t.is((await read())[0].state, 'retiring')
})

onServer('a replica with another clock than the database’s says so in the log and in a metric', async (t) => {
  const warnings = (gateway: GatewayProcess) =>
    readLog(gateway).flatMap(({ msg }) => (msg.startsWith('the clock is ') ? [msg] : []))
  await until(() => warnings(ahead).length > 0 && warnings(behind).length > 0)
  t.regex(warnings(ahead).join(), /^the clock is 1(19\.9|20\.0) s ahead of the database's; [^,]*$/)
  t.regex(warnings(behind).join(), /^the clock is 120\.\d s behind the database's; [^,]*$/)
  t.deepEqual(warnings(right), [])
  t.is(Math.round(await skewOf(ahead)), 120)
  t.is(Math.round(await skewOf(behind)), -120)
  t.is(Math.abs(Math.round(await skewOf(right))), 0)
})

onServer('sign-ups at all replicas count in one window', async (t) => {
  await client.query('TRUNCATE rate_limit')
  const statuses: number[] = []
  for (const [index, gateway] of [ahead, behind, ...replicas(), right].entries()) {
    const { status, headers } = await post(gateway, '/signup', { ...signupBody, username: `user${index}` })
    statuses.push(status)
    const wait = headers.get('Retry-After')
    t.true(wait === null || (Number(wait) > 0 && Number(wait) <= 60), String(wait))
  }
  t.deepEqual(statuses, [200, 200, 200, 200, 429, 429])
})
