import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import type { Host, ServerAddress } from './connection-string.ts'
import { isAway } from './failures.ts'

/** The settings of a connection to a server. */
export type ServerClientConfig = pg.ClientConfig & {
  address: ServerAddress
  route: Route
  /** The server settings that a direct connection gets, on top of the ones of the address. */
  session: Readonly<Record<string, string>>
  /** Receives the error of a connection that does not open. */
  onRefusal?: (error: unknown) => void
}

/** The host that new connections use. */
export type Route = { current(): Host; skip(host: Host): void }

/** Creates a route, which begins with the first host and goes on to the next one when a host is skipped. */
export function createRoute({ hosts }: Pick<ServerAddress, 'hosts'>): Route {
  let at = 0
  const current = () => hosts[at % hosts.length] as Host
  return {
    current,
    skip: (host) => {
      if (host === current()) at++
    },
  }
}

/**
 * A connection to a PostgreSQL server or to a pooler. Its start packet has only parameters that PgBouncer accepts and
 * keeps apart for each client. `connect` ends when the connection has its session settings.
 *
 * Behind a pooler the process id of the connection is not the id of the server process. Such a connection is pooled: it
 * gets no session settings, because they would stay on the pooler's connection, and its statements run unnamed.
 */
export class ServerClient extends pg.Client {
  /** True when a pooler is between this connection and the server. Known after `connect`. */
  isPooled = false
  readonly #session: ServerClientConfig['session']
  readonly #onRefusal: NonNullable<ServerClientConfig['onRefusal']>
  readonly #target: NonNullable<ServerAddress['target']>
  readonly #unreadable: unknown

  constructor(config: ServerClientConfig) {
    const { address, route, session, onRefusal } = config
    const host = route.current()
    const { settings, error } = readClientConfig(address, host)
    super({ ...config, ...settings })
    this.#unreadable = error
    this.#session = { ...address.session, ...session }
    this.#onRefusal = (error) => {
      if (isAway(error)) route.skip(host)
      onRefusal?.(error)
    }
    this.#target = address.target ?? (address.hosts.length > 1 ? 'read-write' : 'any')
    // A statement that runs fails with the same error, and a pool has a listener of its own.
    this.on('error', () => {})
  }

  /** Returns the parameters of the start packet; node-postgres adds `client_encoding`. */
  getStartupConf(): Record<string, string | undefined> {
    const { application_name } = (this as unknown as { connectionParameters: pg.ClientConfig })
      .connectionParameters
    return {
      user: this.user,
      database: this.database,
      application_name,
      datestyle: 'ISO, MDY',
      timezone: 'UTC',
      standard_conforming_strings: 'on',
    }
  }

  override connect(): Promise<pg.Client>
  override connect(callback: ((error: Error) => void) | ((error: null, client: pg.ClientBase) => void)): void
  override connect(callback?: unknown): Promise<pg.Client> | undefined {
    const opened = this.#open()
    if (callback === undefined) return opened
    const answer = callback as (error: unknown, client?: pg.Client) => void
    opened.then((client) => answer(null, client), answer)
    return undefined
  }

  async #open(): Promise<pg.Client> {
    try {
      if (this.#unreadable) throw this.#unreadable
      await super.connect()
      await this.#applySession()
      return this
    } catch (error) {
      this.#onRefusal(error)
      void super.end()
      throw error
    }
  }

  /** Applies the session settings that this server knows, in one statement. Applies none on a pooled connection. */
  async #applySession(): Promise<void> {
    const { processID } = this as unknown as { processID: number }
    const { rows } = await this.query<{ pid: number; standby: boolean; locked: boolean }>(
      `SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS standby,
         current_setting('transaction_read_only')::boolean AS locked, (
         SELECT count(set_config(name, value, false)) FROM unnest($2::text[], $3::text[]) AS wanted (name, value)
         WHERE pg_backend_pid() = $1 AND current_setting(name, true) IS NOT NULL)`,
      [processID, Object.keys(this.#session), Object.values(this.#session)],
    )
    const { standby, locked } = rows[0] ?? {}
    if ((this.#target === 'primary' && standby) || (this.#target === 'read-write' && locked))
      throw Object.assign(new Error('The server is read-only'), { code: '25006' })
    this.isPooled = rows[0]?.pid !== processID
    if (this.isPooled) this.query = withoutNames(this.query.bind(this) as Query) as typeof this.query
  }
}

/** Opens a connection to the first host that answers. Rejects when `signal` is aborted. */
export async function openClient(config: ServerClientConfig, signal?: AbortSignal): Promise<ServerClient> {
  for (let hosts = config.address.hosts.length; ; hosts--) {
    signal?.throwIfAborted()
    const client = new ServerClient(config)
    const done = new AbortController()
    const aborted = new Promise<never>((_, reject) => {
      const stop = () => reject(signal?.reason)
      signal?.addEventListener('abort', stop, { signal: done.signal })
    })
    try {
      await Promise.race([client.connect(), aborted])
      return client
    } catch (error) {
      void client.end()
      if (signal?.aborted || hosts <= 1 || !isAway(error)) throw error
    } finally {
      done.abort()
    }
  }
}

type Query = (config: unknown, ...rest: unknown[]) => unknown

// The pooler may run the next statement on another server connection, which does not have the name.
function withoutNames(query: Query): Query {
  return (config, ...rest) =>
    query(typeof config === 'object' ? { ...config, name: undefined } : config, ...rest)
}

/**
 * Returns the session settings that the gateway's statements rely on, whatever the role or the database sets by default.
 * Times in milliseconds.
 */
export function sessionSettings(limits: { statement: number; lock: number }): Record<string, string> {
  return {
    statement_timeout: String(limits.statement),
    lock_timeout: String(limits.lock),
    idle_in_transaction_session_timeout: '600000',
    idle_session_timeout: '0',
    transaction_timeout: '0',
    default_transaction_isolation: 'read committed',
    bytea_output: 'hex',
    array_nulls: 'on',
  }
}

/** Returns the settings of a host. An unreadable file is an error of `connect`: a pool catches none of a constructor. */
function readClientConfig(address: ServerAddress, host: Host) {
  try {
    return { settings: clientConfig(address, host) }
  } catch (error) {
    return { settings: {}, error }
  }
}

function clientConfig(address: ServerAddress, { host, port }: Host): pg.ClientConfig {
  const { user, password, database, applicationName, tls } = address
  const isSocket = host?.startsWith('/')
  return Object.fromEntries(
    Object.entries({
      ...{ host, port, user, password, database, application_name: applicationName },
      ssl: isSocket ? false : readTls(tls),
      sslnegotiation: tls.negotiation,
      enableChannelBinding: address.channelBinding,
    }).filter(([, value]) => value !== undefined),
  )
}

/** Returns the options for TLS with libpq's meaning of `sslmode`; undefined leaves the choice to PGSSLMODE. */
function readTls({ mode, ...tls }: ServerAddress['tls']): ConnectionOptions | false | undefined {
  if (mode === undefined) return undefined
  if (mode === 'disable') return false
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, 'utf8'))
  const ca = tls.rootcert === 'system' ? undefined : read(tls.rootcert)
  const isVerified = /^verify/.test(mode) || (mode === 'require' && tls.rootcert !== undefined)
  return {
    ...{ ca, cert: read(tls.cert), key: read(tls.key), passphrase: tls.passphrase },
    rejectUnauthorized: isVerified,
    ...(isVerified && mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  }
}
