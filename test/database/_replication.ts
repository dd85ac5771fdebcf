import { appendFile, cp, mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import pg from 'pg'
import {
  chownAll,
  type Installation,
  type PostgresOptions,
  type PostgresServer,
  startInstalled,
  startPostgres,
} from '../_postgres.ts'
import { until } from '../_until.ts'

/** Settings of a server that may lose all its processes: they leave nothing in the memory of the machine. */
const settings = { dynamic_shared_memory_type: 'mmap', wal_keep_size: '64' }

/** A primary whose commits wait until its standby has them on disk. */
export type ReplicatedServers = { primary: PostgresServer; standby: PostgresServer }

/**
 * Starts a primary and a synchronous standby of it. Returns null when TEST_DATABASE_URL names the only server. Stop the
 * standby first: it runs the programs of the primary's directory.
 */
export async function startReplicated(): Promise<ReplicatedServers | null> {
  const primary = await startPostgres({ settings: { ...settings, synchronous_commit: 'on' } })
  if (primary.installation === null) return null
  try {
    const standby = await startStandby(primary)
    await withClient(primary.url, async (client) => {
      await client.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`)
      await client.query('SELECT pg_reload_conf()')
      const isSynchronous = async () =>
        (await client.query(`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`)).rowCount === 1
      await until(isSynchronous)
    })
    return { primary, standby }
  } catch (error) {
    await primary.stop()
    throw error
  }
}

/** Starts a standby of a running server, on a copy of its files. */
export async function startStandby(
  primary: PostgresServer,
  options: PostgresOptions = {},
): Promise<PostgresServer> {
  const { installation, source, url } = primary
  if (installation === null) throw new Error(`${source}: only a server that was started here can be copied`)
  const install = async (directory: string): Promise<Installation> => {
    const data = join(directory, 'data')
    await withClient(url, (client) => copyData(client, primary.version, installation.data, data))
    const { hostname: host, port, username: user, password } = new URL(url)
    await appendFile(
      join(data, 'postgresql.auto.conf'),
      `primary_conninfo = 'host=${host} port=${port} user=${user} password=${password}'\n`,
    )
    await writeFile(join(data, 'standby.signal'), '')
    await chownAll(directory)
    return { ...installation, directory, data, log: join(directory, 'log') }
  }
  return startInstalled(`standby from ${source}`, install, {
    ...options,
    settings: { ...settings, synchronous_commit: 'on', ...options.settings },
  })
}

/** Makes a standby the new primary, and returns when it accepts writes. */
export async function promote(standby: PostgresServer): Promise<void> {
  await withClient(standby.url, (client) => client.query('SELECT pg_promote(true, 60)'))
}

/** Runs `work` with a connection, and closes it. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Copies the files of a running server in backup mode. The npm package of PostgreSQL has no `pg_basebackup`. */
async function copyData(client: pg.Client, version: string, source: string, target: string): Promise<void> {
  const isOld = Number.parseInt(version, 10) < 15
  await client.query(
    isOld ? `SELECT pg_start_backup('copy', true, false)` : `SELECT pg_backup_start('copy', true)`,
  )
  const left =
    /^(postmaster\.(pid|opts)|postgresql\.auto\.conf|pg_(wal|replslot|dynshmem|notify|stat_tmp|subtrans|snapshots|serial)\/.*|.*pg_internal\.init.*)$/
  await cp(source, target, { recursive: true, filter: (path) => !left.test(relative(source, path)) })
  const { rows } = await client.query(
    `SELECT labelfile FROM ${isOld ? 'pg_stop_backup(false, false)' : 'pg_backup_stop(false)'}`,
  )
  await writeFile(join(target, 'backup_label'), rows[0].labelfile)
  await mkdir(join(target, 'pg_wal/archive_status'), { recursive: true })
}
