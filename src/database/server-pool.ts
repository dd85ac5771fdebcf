import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { isAway, isFull } from './failures.ts'
import { ServerClient, type ServerClientConfig } from './server-client.ts'

/** The settings of a pool. `onFull` is called when the server refuses a connection to a pool that has none. */
export type ServerPoolConfig = ServerClientConfig & {
  max: number
  onFull?: () => void
  idleTimeoutMillis?: number
}

// In milliseconds.
const pause = 100
const restoreAfter = 30_000

/**
 * A pool of connections to a server. When the server refuses a further connection, callers wait for the connections that
 * the pool has, or, without any, until the connection time limit. The next host is tried when a host is away.
 */
export class ServerPool extends pg.Pool {
  readonly #config: ServerPoolConfig
  #restoreAt = 0

  constructor(config: ServerPoolConfig) {
    // The types of node-postgres have a Client without arguments.
    const Client = ServerClient as unknown as new () => pg.ClientBase
    // The pool opens the next connection before it passes the error on, so its size must change first.
    const onRefusal = (error: unknown) => {
      if (isFull(error)) this.#limit(this.totalCount - 1)
    }
    super({ ...config, onRefusal, Client } as pg.PoolConfig)
    this.#config = config
    this.on('release', (error, client) => this.#discard(error, client))
  }

  override connect(): Promise<pg.PoolClient>
  override connect(
    callback: (
      error: Error | undefined,
      client: pg.PoolClient | undefined,
      done: (release?: Error | boolean) => void,
    ) => void,
  ): void
  override connect(callback?: unknown): Promise<pg.PoolClient> | undefined {
    const opened = this.#open()
    if (callback === undefined) return opened
    const answer = callback as (error: unknown, client?: pg.PoolClient, done?: unknown) => void
    opened.then((client) => answer(undefined, client, client.release), answer)
    return undefined
  }

  /** Gives up one connection, for another connection of this process that the server refused. */
  shrink(): void {
    this.#limit(this.totalCount - 1)
    if (this.idleCount > 0) this.#closeIdle(1)
  }

  async #open(): Promise<pg.PoolClient> {
    const { max, address, connectionTimeoutMillis = 0, onFull } = this.#config
    const end = performance.now() + connectionTimeoutMillis
    if (performance.now() > this.#restoreAt) this.options.max = max
    for (let hosts = address.hosts.length; ; ) {
      try {
        return await super.connect()
      } catch (error) {
        if (isFull(error) && performance.now() < end) {
          // The next host may be away or read-only, so this one is tried again.
          hosts = address.hosts.length
          if (this.totalCount > 0) continue
          onFull?.()
          await sleep(pause)
        } else if (!isAway(error) || isQueueTimeout(error) || --hosts <= 0) throw error
      }
    }
  }

  #limit(count: number): void {
    this.options.max = Math.max(1, count)
    this.#restoreAt = performance.now() + restoreAfter
  }

  /** Keeps broken and surplus connections out of the pool. */
  #discard(error: Error | undefined, client: pg.PoolClient): void {
    // Prisma releases a connection without an error when its transaction could not be ended.
    const isBroken = client.getTransactionStatus() !== 'I'
    if (isBroken || this.totalCount > this.options.max) void (client as unknown as pg.Client).end()
    // After a read timeout the server counts as unreachable, and after 25006 as demoted to a standby.
    const isLost =
      /Query read timeout/.test(error?.message ?? '') || (error as { code?: string })?.code === '25006'
    if (isLost) this.#closeIdle(this.idleCount)
  }

  #closeIdle(count: number): void {
    for (let idle = count; idle > 0; idle--) {
      super.connect().then(
        (other) => other.release(true),
        () => {},
      )
    }
  }
}

/** Returns true when all connections of the pool stayed in use. */
function isQueueTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect'
}
