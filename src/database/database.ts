import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { translateFailure } from './failures.ts'
import { PrismaClient } from './generated/client.ts'

/** One statement on the hot path: prepared once per connection under its name. */
export type Statement = { name: string; text: string }

/** What differs between the embedded database and a server; everything else is built on it. */
export type Connection = {
  adapter: SqlMigrationAwareDriverAdapterFactory
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  /** Runs a script of many statements as one transaction. */
  execute(script: string): Promise<void>
  /** Runs `work` while no other process that shares the database is inside an exclusive section. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** The database as the files of this folder see it. Every failure has been through `translateFailure`. */
export type Database = {
  prisma: ReturnType<typeof createPrisma>
  query: Connection['query']
  exclusively: Connection['exclusively']
  close(): Promise<void>
}

/** Prisma and prepared statements over one connection (a pool, or the embedded database). */
export function createDatabase(connection: Connection): Database {
  const prisma = createPrisma(connection.adapter)
  return {
    prisma,
    query: (statement, values) => translated(() => connection.query(statement, values)),
    exclusively: (work) => connection.exclusively(work),
    close: async () => {
      await prisma.$disconnect()
      await connection.close()
    },
  }
}

function createPrisma(adapter: SqlMigrationAwareDriverAdapterFactory) {
  return new PrismaClient({ adapter }).$extends({
    query: { $allOperations: ({ args, query }) => translated(() => query(args)) },
  })
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translateFailure(error)
  }
}
