import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { createMigratedDatabase, engines, type SessionBody } from '../_app.ts'
import { readJwks } from '../_hasura.ts'
import { type GatewayProcess, startProcess } from '../_process.ts'
import test from '../_test.ts'

const loginBody = { username: 'replica', password: 'pass' }
const signupBody = { ...loginBody, confirmPassword: 'pass' }

async function post(gateway: GatewayProcess, path: string, content: object) {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(content),
  })
  return { status: response.status, session: (await response.json()) as SessionBody }
}

const kidOf = ({ token }: SessionBody): string =>
  JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).kid

const publishedBy = async ({ url }: GatewayProcess) =>
  [...readJwks(await (await fetch(`${url}/jwks`)).text()).keys()].sort()

test('two processes on one database agree on one successor of a token, and on one next key', async (t) => {
  t.timeout(120_000)
  if (!engines.includes('server')) {
    t.pass('the launcher runs without a server')
    return
  }
  const cwd = await mkdtemp(join(tmpdir(), 'claimgate-replicas-'))
  t.teardown(() => rm(cwd, { recursive: true, force: true }))
  const databaseUrl = await createMigratedDatabase()
  const secret = 'a secret that is only good for tests 0123456789'
  const env = { AUTH_SECRET: secret, DATABASE_URL: databaseUrl, AUTH_JWKS_MAX_AGE: '1' }
  const gateways = (await Promise.all([startProcess(env, cwd), startProcess(env, cwd)])) as [
    GatewayProcess,
    GatewayProcess,
  ]
  t.teardown(() => Promise.all(gateways.map((gateway) => gateway.stop())))
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(() => client.end())

  const { session } = await post(gateways[0], '/signup', signupBody)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      post(gateways[n % 2] as GatewayProcess, '/token', { refreshToken: session.refreshToken }),
    ),
  )
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  const successors = new Set(answers.map(({ session: { refreshToken } }) => refreshToken))
  t.is(successors.size, 1)
  const last = await post(gateways[1], '/token', { refreshToken: [...successors][0] })
  t.is(last.status, 200)

  const before = kidOf(last.session)
  await client.query(
    `UPDATE signing_key SET active_at = active_at - interval '100 days' WHERE state = 'active'`,
  )
  const signing = async (gateway: GatewayProcess) => kidOf((await post(gateway, '/login', loginBody)).session)
  for (let turn = 0; turn < 200 && (await signing(gateways[0])) === before; turn++) await pause(100)
  await pause(2_500)
  const kids = await Promise.all(gateways.map(signing))
  t.not(kids[0], before)
  t.is(kids[0], kids[1])
  const states = (await client.query('SELECT state FROM signing_key ORDER BY state')).rows.map(
    ({ state }) => state,
  )
  t.deepEqual(states, ['active', 'retiring'])
  const published = await Promise.all(gateways.map(publishedBy))
  t.deepEqual(published[0], [before, kids[0] as string].sort())
  t.deepEqual(published[1], published[0])
})
