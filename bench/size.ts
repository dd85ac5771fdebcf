import { generateKeyPairSync } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import bcrypt from 'bcrypt'
import pg from 'pg'
import { pino } from 'pino'
import { createDatabase, type Database } from '../src/database/database.ts'
import { createSweep } from '../src/stores/sweep.ts'
import { createUserAdmin } from '../src/stores/user-admin.ts'
import { startPostgres } from '../test/_postgres.ts'
import { openDatabase } from '../test/database/_open.ts'
import { alternate, median } from './compare.ts'
import { createPost, loadGet, loadLoops, type Post } from './load.ts'
import { here, type Started, startGateway, stop } from './process.ts'
import { type Effort, password } from './stage.ts'
import { makeTokens } from './tokens.ts'

/** The numbers of users of the two databases. Each user has three roles and five sessions. */
const sizes = (process.env.BENCH_SIZES ?? '1000,1000000').split(',').map(Number)
const largestRatio = 1.25

// Foreign keys are not checked while the tables are filled, which takes half of the time. The result is the same. The
// sessions of a user are on different pages, because they began on different days.
const fill = `
  SET session_replication_role = replica;
  INSERT INTO role (name) SELECT 'role' || n FROM generate_series(0, 9) n;
  INSERT INTO "user" (username, password) SELECT 'bench' || n, '$hash' FROM generate_series(0, $size - 1) n;
  INSERT INTO user_role (user_id, role_id)
    SELECT u.id, r.id FROM "user" u CROSS JOIN generate_series(0, 2) n
    JOIN role r ON r.name = 'role' || (substr(u.username, 6)::int + n) % 10;
  INSERT INTO session (user_id, epoch, created_at, idle_expires_at, expires_at)
    SELECT u.id, 0, now(), now() + interval '1 day', now() + interval '2 days'
    FROM "user" u CROSS JOIN generate_series(1, 5) ORDER BY random();`

const vacuums = `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'`

/** One of the two databases, with a gateway on it. */
type Side = {
  size: number
  databaseUrl: string
  database: Database
  sql: pg.Client
  gateway: Started
  base: string
  post: Post
  tokens: Record<string, string>[]
  refreshTokens: string[]
}

/**
 * Measures the same work on a small and on a large database of one server, in alternating rounds, and prints the ratio of
 * the medians. Login uses the cheapest bcrypt, and `/webhook` no cache, so that the database counts.
 */
export async function measureSize(folder: string, { seconds, rounds }: Effort): Promise<void> {
  const postgres = await startPostgres({
    settings: { fsync: 'on', full_page_writes: 'on', shared_buffers: '1GB', max_wal_size: '4GB' },
  })
  const sides: Side[] = []
  try {
    for (const size of sizes)
      sides.push(await openSide(folder, size, await postgres.createDatabase(`size${size}`)))
    const [small, large] = sides as [Side, Side]
    console.log(`PostgreSQL ${postgres.version}; ${rounds} rounds of ${seconds} s, medians\n`)
    console.log(
      `| case | ${small.size} users, per s | ${large.size} users, per s | ratio (≤ ${largestRatio}) |`,
    )
    console.log('| --- | --- | --- | --- |')
    for (const [name, rateOf] of Object.entries(casesOf(seconds))) {
      const [ofSmall = [], ofLarge = []] = await alternate(
        rounds,
        sides.map((side) => () => rateOf(side)),
      )
      const [a, b] = [median(ofSmall), median(ofLarge)]
      console.log(`| ${name} | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)} |`)
    }
    for (const sessions of [1, 10_000]) await printDeactivation(large, sessions, rounds)
  } finally {
    for (const side of sides) await closeSide(side)
    await postgres.stop()
  }
}

/** Fills a database and starts a gateway on it. */
async function openSide(folder: string, size: number, databaseUrl: string): Promise<Side> {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
  const log = pino({ level: 'silent' })
  const settings = { databaseUrl, databaseTimeout: 30, dataDir: '' }
  const database = createDatabase(await openDatabase(settings, new URL(`file://${here('../../')}`), log))
  const sql = new pg.Client({ connectionString: databaseUrl })
  await sql.connect()
  const beganAt = performance.now()
  const hash = await bcrypt.hash(password, 4)
  await sql.query(fill.replace('$hash', hash).replace('$size', String(size)))
  await sql.query('RESET session_replication_role')
  await sql.query('VACUUM ANALYZE')
  while ((await sql.query(vacuums)).rows.length > 0) await setTimeout(1000)
  await sql.query('CHECKPOINT')
  console.log(`${size} users: filled in ${((performance.now() - beganAt) / 1000).toFixed(0)} s`)

  const gateway = await startGateway(folder, {
    ...{ DATABASE_URL: databaseUrl, AUTH_PRIVATE_KEY: pem, PORT: '0', HOST: '127.0.0.1' },
    ...{ AUTH_RATE_LIMIT: 'off', AUTH_WEBHOOK_CACHE: '0', AUTH_BCRYPT_COST: '4' },
  })
  const base = `http://127.0.0.1:${gateway.port}`
  const post = createPost(base)
  const begun = await Promise.all(
    Array.from({ length: 200 }, () => post('/login', { username: randomName(size), password })),
  )
  const example = begun[0]?.token ?? ''
  const randomUsers = 'SELECT id FROM "user" ORDER BY random() LIMIT 1000'
  const tokens = await makeTokens(databaseUrl, pem, example, randomUsers)
  return {
    ...{ size, databaseUrl, database, sql, gateway, base, post },
    tokens: tokens.map((token) => ({ authorization: `Bearer ${token}` })),
    refreshTokens: begun.map(({ refreshToken = '' }) => refreshToken),
  }
}

async function closeSide({ database, sql, gateway }: Side): Promise<void> {
  await stop(gateway)
  await sql.end()
  await database.close()
}

/** Returns the cases; each returns how often per second its work was done. */
function casesOf(seconds: number): Record<string, (side: Side) => Promise<number>> {
  return {
    login: async ({ size, post }) =>
      (await loadLoops(8, seconds, () => post('/login', { username: randomName(size), password }))).perSecond,
    refresh: async ({ post, refreshTokens }) => {
      // A token that is in use is not in the array, because its second use would end the session.
      const refresh = async () => {
        const { refreshToken = '' } = await post('/token', { refreshToken: refreshTokens.shift() })
        refreshTokens.push(refreshToken)
      }
      return (await loadLoops(8, seconds, refresh)).perSecond
    },
    '`/webhook` without the cache': async ({ base, tokens }) =>
      (await loadGet(`${base}/webhook`, 32, seconds, tokens)).perSecond,
    '`user list`, a page of 100': async ({ database, size }) => {
      const admin = createUserAdmin(database)
      return (await loadLoops(1, seconds, () => admin.list(100, randomName(size)))).perSecond
    },
    'sweep, 16 pages of sessions': ({ database }) => sweepRate(database, seconds),
    deactivation: (side) => deactivationRate(side, seconds),
  }
}

const randomName = (size: number) => `bench${Math.floor(Math.random() * size)}`

/** Returns how many times per second a sweep reads 16 pages of sessions, about 1,000, in repeated sweeps. */
async function sweepRate(database: Database, seconds: number): Promise<number> {
  const timeUp = AbortSignal.timeout(seconds * 1000)
  let batches = 0
  let milliseconds = 0
  const query: Database['query'] = async <Row>(
    statement: Parameters<Database['query']>[0],
    values: readonly unknown[],
  ) => {
    const beganAt = performance.now()
    const rows = await database.query<Row>(statement, values)
    const [batch] = rows as { isLast?: boolean }[]
    if (statement.name === 'sweep_session' && !batch?.isLast) {
      batches++
      milliseconds += performance.now() - beganAt
    }
    return rows
  }
  const sweep = createSweep({ query })
  while (!timeUp.aborted) await sweep(new Date(), timeUp)
  return (batches * 1000) / milliseconds
}

/** Returns how many users with five sessions are deactivated per second. They are active again afterwards. */
async function deactivationRate({ database, sql }: Side, seconds: number): Promise<number> {
  const admin = createUserAdmin(database)
  const { rows } = await sql.query(
    `SELECT id FROM "user" WHERE active AND username LIKE 'bench%' ORDER BY random() LIMIT 500`,
  )
  const ids = rows.map(({ id }) => id as string)
  const end = performance.now() + seconds * 1000
  let milliseconds = 0
  let done = 0
  while (performance.now() < end && done < ids.length) {
    const beganAt = performance.now()
    await admin.setActive(ids[done++] as string, false)
    milliseconds += performance.now() - beganAt
  }
  await sql.query('UPDATE "user" SET active = true WHERE id = ANY ($1)', [ids])
  return (done * 1000) / milliseconds
}

/** Prints the time to deactivate a user with a number of sessions, as the median of new users. */
async function printDeactivation({ database, sql }: Side, sessions: number, rounds: number): Promise<void> {
  const admin = createUserAdmin(database)
  const times: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const { rows } = await sql.query(
      `WITH u AS (INSERT INTO "user" (username) VALUES ($1) RETURNING id),
       s AS (INSERT INTO session (user_id, epoch, idle_expires_at, expires_at)
         SELECT u.id, 0, now() + interval '1 day', now() + interval '1 day' FROM u, generate_series(1, $2::int))
       SELECT id FROM u`,
      [`sessions${sessions}-${round}`, sessions],
    )
    const beganAt = performance.now()
    await admin.setActive(rows[0].id, false)
    if (round > 0) times.push(performance.now() - beganAt)
  }
  console.log(`deactivation of a user with ${sessions} sessions: ${median(times).toFixed(1)} ms`)
}
