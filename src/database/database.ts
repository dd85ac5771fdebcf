import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { translateFailure } from './failures.ts'
import type { PrismaClient } from './generated/client.ts'
import type { Subscriber, Subscription } from './listener.ts'
import type { Schema } from './schema.ts'

/** A statement, prepared once per connection under its name. It has the gateway's own names in braces: see `Schema`. */
export type Statement = { name: string; text: string }

/** The operations that differ between the embedded database and a server. */
export type Connection = Schema & {
  adapter: SqlDriverAdapterFactory
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  /** Runs a statement on a connection that no request uses, and so does not wait for requests. */
  queryApart: Connection['query']
  /** Runs `work` while no other process on the same database is inside `exclusively` or `transact`. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
  /**
   * Repeats `work` until it returns null, and returns its other results. Each time, also the last, it runs in one
   * transaction, while no other process on the same database is inside `exclusively` or `transact`, or migrates with the
   * Prisma CLI. All transactions use one connection, and their statements may take any time. `work` uses no other
   * connection.
   */
  transact<T>(work: (transaction: Transaction) => Promise<T | null>): Promise<T[]>
  /** Passes the notifications of a channel to the subscriber, until the connection is closed. */
  listen(channel: string, subscriber: Subscriber): Subscription
  close(): Promise<void>
  /** Counts the pool's connections; undefined for the embedded database, which has no pool. */
  pool?: () => PoolLoad
  /** Returns true behind a pooler; undefined for the embedded database. */
  isPooled?: () => Promise<boolean>
}

/** A running transaction, with the schema of the gateway first in its search_path. `execute` runs a script. */
export type Transaction = Schema & Pick<Connection, 'query'> & { execute(script: string): Promise<void> }

/** The connections of a pool at one moment; `waiting` counts callers that wait for a connection. */
export type PoolLoad = { used: number; idle: number; waiting: number }

type Prisma = ReturnType<typeof extendPrisma>

/**
 * The two ways to run a statement. Both pass every failure through `translateFailure`. `qualify` is for raw SQL. The
 * first call of `prisma` loads the Prisma client, which takes a sixth of a second and 30 MiB. So no statement of a
 * frequent request uses it.
 */
export type Queries = { prisma: () => Promise<Prisma> } & Pick<Connection, 'query' | 'qualify'>

/** The database as stores and migrations see it. */
export type Database = Queries & {
  schema: Connection['schema']
  queryApart: Connection['queryApart']
  exclusively: Connection['exclusively']
  listen: Connection['listen']
  pool: Connection['pool']
  isPooled: Connection['isPooled']
  /**
   * Returns the same queries with a check: each statement first calls `admit` and fails with its error. `onFailure` gets
   * the translated error of each other failure.
   */
  behind(admit: () => void, onFailure?: (error: unknown) => void): Queries
  close(): Promise<void>
}

const translated = createRun(() => {})

/** Creates Prisma and prepared statements over one connection (a pool, or the embedded database). */
export function createDatabase(connection: Connection): Database {
  let loading: Promise<PrismaClient> | undefined
  const load = () => {
    loading ??= loadPrisma(connection)
    return loading
  }
  const behind: Database['behind'] = (admit, onFailure) => {
    const run = createRun(admit, onFailure)
    return {
      prisma: memoize(async () => extendPrisma(await load(), run)),
      query: (statement, values) => run(() => connection.query(statement, values)),
      qualify: (text) => run(() => connection.qualify(text)),
    }
  }
  return {
    ...behind(() => {}),
    schema: () => translated(() => connection.schema()),
    behind,
    queryApart: (statement, values) => translated(() => connection.queryApart(statement, values)),
    exclusively: (work) => connection.exclusively(work),
    listen: (channel, subscriber) => connection.listen(channel, subscriber),
    pool: connection.pool,
    isPooled: connection.isPooled,
    close: async () => {
      await (await loading)?.$disconnect()
      await connection.close()
    },
  }
}

async function loadPrisma({ adapter }: Connection): Promise<PrismaClient> {
  const { PrismaClient } = await import('./generated/client.ts')
  return new PrismaClient({ adapter })
}

function memoize<T>(create: () => Promise<T>): () => Promise<T> {
  let created: Promise<T> | undefined
  return () => {
    created ??= create()
    return created
  }
}

/** Runs a statement. */
type Run = <T>(work: () => Promise<T>) => Promise<T>

function extendPrisma(prisma: PrismaClient, run: Run) {
  const extended = prisma.$extends({
    query: { $allOperations: ({ args, query }) => run(() => query(args)) },
  })
  // `$allOperations` does not cover BEGIN and COMMIT (test/database/away.test.ts).
  const transaction = extended.$transaction.bind(extended) as (...args: unknown[]) => Promise<unknown>
  const $transaction = (...args: unknown[]) => run(() => transaction(...args))
  return Object.assign(extended, { $transaction }) as typeof extended
}

/** Runs `work`, the database statement `name`, and observes its duration and outcome. */
export type InstrumentStatement = <T>(name: string, work: () => Promise<T>) => Promise<T>

/** Returns the same queries, with every statement run by `around`. `around` gets the name and no values. */
export function watchQueries({ prisma, query, qualify }: Queries, around: InstrumentStatement): Queries {
  return {
    prisma: memoize(async () => watchPrisma(await prisma(), around)),
    query: (statement, values) => around(statement.name, () => query(statement, values)),
    qualify,
  }
}

function watchPrisma(prisma: Prisma, around: InstrumentStatement): Prisma {
  const watched = prisma.$extends({
    query: {
      $allOperations: ({ model, operation, args, query }) =>
        around(model ? `${model}.${operation}` : operation, () => query(args)),
    },
  })
  // BEGIN and COMMIT are not observed; the statements between them are.
  return Object.assign(watched, { $transaction: prisma.$transaction }) as Prisma
}

/** Creates the function that runs a statement and translates its failure. `admit` may refuse it. */
function createRun(admit: () => void, onFailure: (error: unknown) => void = () => {}): Run {
  return async (work) => {
    admit()
    try {
      return await work()
    } catch (error) {
      const failure = translateFailure(error)
      onFailure(failure)
      throw failure
    }
  }
}
