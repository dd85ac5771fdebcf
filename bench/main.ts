import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import bcrypt from 'bcrypt'
import pg from 'pg'
import { startPostgres } from '../test/_postgres.ts'
import { measureBurst } from './burst.ts'
import { createPost, loadGet, loadLoops, type Post, type Rate } from './load.ts'
import { residentMiB, type Started, startGateway, startLimit, stop } from './process.ts'
import { loadRaw } from './raw-load.ts'
import { seed, users } from './seed.ts'
import { addUsersWithRoles, measureWebhook } from './webhook.ts'

// The product beside its physical limit, in one run, turn by turn, so that whatever else the machine does hits both.

const seconds = Number(process.env.BENCH_SECONDS ?? 4)
const rounds = Number(process.env.BENCH_ROUNDS ?? 3)
const cores = availableParallelism()
const password = 'correct horse'
const folder = mkdtempSync(join(tmpdir(), 'claimgate-bench-'))

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Runs product and limit by turns and prints the medians and their ratio. */
async function compare(
  name: string,
  product: () => Promise<Rate>,
  limit: () => Promise<Rate>,
): Promise<void> {
  const ours: Rate[] = []
  const theirs: Rate[] = []
  // Whoever has just started is not what anybody works with.
  await product()
  await limit()
  for (let round = 0; round < rounds; round++) {
    ours.push(await product())
    theirs.push(await limit())
  }
  const [a, b] = [ours, theirs].map((rates) => median(rates.map(({ perSecond }) => perSecond))) as [
    number,
    number,
  ]
  const p99 = median(ours.map((rate) => rate.p99))
  console.log(`| ${name} | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)} | ${p99.toFixed(0)} |`)
}

if (process.argv.includes('--users')) {
  const { measureUsers } = await import('./webhook-users.ts')
  await measureUsers(folder, seconds, rounds)
  rmSync(folder, { recursive: true, force: true })
  process.exit()
}
const postgres = await startPostgres({
  settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
})
const running: Started[] = []
try {
  const databaseUrl = await postgres.createDatabase('bench')
  const keyPath = join(folder, 'bench.pem')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  writeFileSync(keyPath, pem)
  // The limits count, as they do for everybody, but the one address of this load is not to meet them.
  const plenty = {
    AUTH_SIGNUP_ATTEMPTS: '1000000',
    AUTH_REFRESH_ATTEMPTS: '1000000',
    AUTH_ADDRESS_FAILURES: '1000000',
  }
  const env = { ...plenty, DATABASE_URL: databaseUrl, AUTH_PRIVATE_KEY: pem, PORT: '0', HOST: '127.0.0.1' }

  await stop(await startGateway(folder, env))
  await seed(databaseUrl, await bcrypt.hash(password, 10))

  const gateway = await startGateway(folder, env)
  running.push(gateway)
  const idle = await new Promise<number>((resolve) => setTimeout(() => resolve(residentMiB(gateway)), 2000))
  const base = `http://127.0.0.1:${gateway.port}`
  const limit = await startLimit(folder, databaseUrl, keyPath)
  running.push(limit)
  const limitBase = `http://127.0.0.1:${limit.port}`
  const post = createPost(base)
  const limitPost = createPost(limitBase)
  // What the limits do beside is bare, too: nothing is counted against guessing, and the roles are read every time.
  const bare = await startGateway(folder, { ...env, AUTH_RATE_LIMIT: 'off', AUTH_WEBHOOK_CACHE: '0' })
  running.push(bare)
  const bareBase = `http://127.0.0.1:${bare.port}`
  const barePost = createPost(bareBase)

  console.log(`${cpus()[0]?.model}, ${cores} cores, Node ${process.version}, PostgreSQL ${postgres.version}`)
  console.log(`${users} users with 3 roles each; ${rounds} rounds of ${seconds} s, medians\n`)
  console.log('| case | gateway /s | limit /s | ratio | p99 ms |\n| --- | --- | --- | --- | --- |')

  const anybody = () => `bench${Math.floor(Math.random() * users)}`
  const loginAt = (at: Post) => () => at('/login', { username: anybody(), password })
  const login = loginAt(post)
  const hash = await bcrypt.hash(password, 10)
  const verifications = () => loadLoops(cores, seconds, () => bcrypt.compare(password, hash))
  let named = 0
  const signup = () => {
    const username = `new${process.pid}-${named++}`
    return barePost('/signup', { username, password, confirmPassword: password })
  }
  const bareLogin = loginAt(barePost)
  await compare('login, 8 in flight', () => loadLoops(8, seconds, bareLogin), verifications)
  await compare('login, 32 in flight', () => loadLoops(32, seconds, bareLogin), verifications)
  await compare('login that counts, 8 in flight', () => loadLoops(8, seconds, login), verifications)
  await compare(
    'sign-up, 8 in flight',
    () => loadLoops(8, seconds, signup),
    () => loadLoops(cores, seconds, () => bcrypt.hash(password, 10)),
  )

  const { token = '' } = await login()
  const headers = { authorization: `Bearer ${token}` }
  const webhook = (url: string) => loadGet(`${url}/webhook`, 32, seconds, headers)
  await compare(
    'webhook without its cache, 32 in flight',
    () => webhook(bareBase),
    () => webhook(limitBase),
  )
  await stop(bare)
  running.splice(running.indexOf(bare), 1)
  await compare(
    'jwks, 32 in flight',
    () => loadGet(`${base}/jwks`, 32, seconds),
    () => loadGet(`${limitBase}/jwks`, 32, seconds),
  )

  const sessions = await Promise.all(Array.from({ length: 8 }, login))
  const refreshTokens = sessions.map(({ refreshToken }) => refreshToken)
  const refresh = async (loop: number) => {
    refreshTokens[loop] = (await post('/token', { refreshToken: refreshTokens[loop] })).refreshToken
  }
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query('SELECT id FROM session ORDER BY created_at LIMIT 8')
  await client.end()
  const limitRefresh = (loop: number) => limitPost('/token', { refreshToken: rows[loop].id })
  await compare(
    'token, 8 in flight',
    () => loadLoops(8, seconds, refresh),
    () => loadLoops(8, seconds, limitRefresh),
  )

  const stage = { gateway, limit, databaseUrl, pem, example: token, seconds, rounds }
  const cases: Record<string, string> = {}
  for (const roles of [1, 10, 100]) cases[`${roles} roles`] = await addUsersWithRoles(databaseUrl, roles)
  await measureWebhook(stage, cases)

  const two = await startGateway(folder, { ...env, WEB_CONCURRENCY: '2' })
  running.push(two)
  const raw = (port: string) => loadRaw(`http://127.0.0.1:${port}/webhook`, 32, seconds, headers)
  const rates = { one: [] as number[], two: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    rates.one.push(await raw(gateway.port))
    rates.two.push(await raw(two.port))
  }
  const [alone, both] = [median(rates.one), median(rates.two)]
  console.log(
    `\nwebhook, asked by as little as can ask: one worker ${alone.toFixed(0)} /s, two ${both.toFixed(0)} /s, ratio ${(both / alone).toFixed(2)}`,
  )
  await stop(two)
  running.pop()

  const [beside] = await Promise.all([webhook(base), loadLoops(8, seconds, login)])
  console.log(`webhook beside 8 logins: ${beside.perSecond.toFixed(0)} /s, p99 ${beside.p99} ms`)
  const burst = await measureBurst(base, 300, login, headers)
  const slowest = Object.entries(burst.p99).map(([path, p99]) => `${path} ${p99} ms`)
  console.log(
    `beside 300 logins at once (${burst.answered} answered, ${burst.refused} told to come again): p99 ${slowest.join(', ')}`,
  )
  const loaded = residentMiB(gateway)
  await stop(gateway)
  running.shift()
  const starts: number[] = []
  for (let round = 0; round < rounds; round++) {
    const again = await startGateway(folder, env)
    await fetch(`http://127.0.0.1:${again.port}/jwks`)
    starts.push(again.startMs)
    await stop(again)
  }
  console.log(`start to first answer: ${median(starts).toFixed(0)} ms`)
  console.log(`resident: ${idle.toFixed(0)} MiB idle, ${loaded.toFixed(0)} MiB after the load`)
} finally {
  for (const started of running) await stop(started)
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}
