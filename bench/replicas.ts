import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startPostgres } from '../test/_postgres.ts'
import { createPost, type Post } from './load.ts'
import { childrenOf, cpuMs, cpuTimes, type Started, startGateway, stop } from './process.ts'
import { password, plenty } from './stage.ts'

const processes = Number(process.env.BENCH_PROCESSES ?? 10)
const seconds = Number(process.env.BENCH_SECONDS ?? 60)

type Replica = Started & { base: string; post: Post; session: Record<string, string> }

/** The counters of a server and its database at one moment. */
type Counters = Record<'commits' | 'notifications' | 'bytes' | 'cpuMs', number>

/**
 * Measures the cost of several processes for their database server: idle, with readiness requests of a load balancer,
 * and with a light load. Prints a row for each, with the most connections and the mean rates.
 */
export async function measureReplicas(folder: string): Promise<void> {
  const settings = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' }
  const postgres = await startPostgres({
    settings: { ...settings, max_connections: String(20 * processes + 20) },
  })
  const databaseUrl = await postgres.createDatabase('replicas')
  const env = {
    ...plenty,
    DATABASE_URL: databaseUrl,
    AUTH_SECRET: randomBytes(48).toString('base64'),
    AUTH_BCRYPT_COST: '4',
    HOST: '127.0.0.1',
    PORT: '0',
  }
  const replicas: Replica[] = []
  // Counters are read in another database, so that reading them adds nothing to them.
  const observer = new pg.Client(postgres.url)
  const listener = new pg.Client(databaseUrl)
  try {
    for (let number = 0; number < processes; number++) {
      const started = await startGateway(folder, env)
      const base = `http://127.0.0.1:${started.port}`
      const post = createPost(base)
      const user = { username: `replica${number}`, password }
      replicas.push({ ...started, base, post, session: {} })
      Object.assign(replicas[number] as Replica, {
        session: await post('/signup', { ...user, confirmPassword: password }),
      })
    }
    await Promise.all([observer.connect(), listener.connect()])
    let notifications = 0
    listener.on('notification', () => notifications++)
    await listener.query('LISTEN claimgate_access')
    const count = async (): Promise<Counters> => ({
      ...(await readCounters(observer, postgres.pid ?? 0)),
      notifications,
    })

    console.log(`${processes} processes, PostgreSQL ${postgres.version}, ${seconds} s for each row\n`)
    console.log(
      '| load | connections | commits /s | notifications /s | WAL KiB /s | CPU of the server | CPU of a process |',
    )
    console.log('| --- | --- | --- | --- | --- | --- | --- |')
    // The pool closes the connections of the start after ten idle seconds.
    await sleep(15_000)
    for (const [name, work] of Object.entries(loads)) {
      const before = await count()
      const processBefore = replicas.map(cpuMs)
      const began = performance.now()
      const most = await repeatEachSecond(observer, () =>
        Promise.all(replicas.map((replica) => work(replica))),
      )
      const after = await count()
      const passed = (performance.now() - began) / 1000
      const rate = (key: keyof Counters) => (after[key] - before[key]) / passed
      const ofProcess = replicas.map((replica, n) => cpuMs(replica) - (processBefore[n] ?? 0))
      const cells = [
        name,
        most,
        rate('commits').toFixed(1),
        rate('notifications').toFixed(1),
        (rate('bytes') / 1024).toFixed(1),
        percent(rate('cpuMs')),
        percent(ofProcess.reduce((sum, ms) => sum + ms, 0) / processes / passed),
      ]
      console.log(`| ${cells.join(' | ')} |`)
    }
  } finally {
    await Promise.all([observer.end(), listener.end()])
    for (const replica of replicas) await stop(replica)
    await postgres.stop()
  }
}

/** The requests of a second to one process. */
const loads: Record<string, (replica: Replica) => Promise<unknown>> = {
  idle: async () => {},
  'one `/readyz` a second each': ({ base }) => get(`${base}/readyz`),
  'one login, one refresh and ten `/webhook` a second each': async ({ base, post, session }) => {
    await post('/login', { username: session.username ?? '', password })
    Object.assign(session, await post('/token', { refreshToken: session.refreshToken ?? '' }))
    for (let n = 0; n < 10; n++) await get(`${base}/webhook`, { Authorization: `Bearer ${session.token}` })
  },
}

async function get(url: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(url, { headers })
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}`)
}

/** Runs `work` once a second. Returns the largest number of connections: of pools, for readiness, and listening. */
async function repeatEachSecond(observer: pg.Client, work: () => Promise<unknown>): Promise<string> {
  let most = { all: 0, text: '' }
  for (let second = 0; second < seconds; second++) {
    const next = sleep(1000)
    await work()
    const { rows } = await observer.query(
      `SELECT count(*)::int AS "all", concat_ws(' + ', count(*) FILTER (WHERE application_name = 'claimgate'),
         count(*) FILTER (WHERE application_name = 'claimgate readiness'),
         count(*) FILTER (WHERE application_name = 'claimgate listener')) AS text
       FROM pg_stat_activity WHERE application_name LIKE 'claimgate%'`,
    )
    if (rows[0].all > most.all) most = rows[0]
    await next
  }
  return most.text
}

async function readCounters(
  observer: pg.Client,
  postmaster: number,
): Promise<Omit<Counters, 'notifications'>> {
  const { rows } = await observer.query(
    `SELECT xact_commit::float AS commits, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float AS bytes
     FROM pg_stat_database WHERE datname = 'replicas'`,
  )
  const [own, ended] = cpuTimes(postmaster)
  const ofChildren = childrenOf(postmaster).map((pid) => cpuTimes(pid)[0])
  return { ...rows[0], cpuMs: ofChildren.reduce((sum, ms) => sum + ms, own + ended) }
}

const percent = (msPerSecond: number) => `${(msPerSecond / 10).toFixed(1)} %`
