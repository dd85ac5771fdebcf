import type { PGlite } from '@electric-sql/pglite'
import type { IsolationLevel, SqlDriverAdapterFactory, Transaction } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { Engine } from './engine.ts'

/**
 * Creates Prisma's adapter for an engine. The adapter of the package hides the error of a COMMIT, so a transaction that
 * is rolled back would look like a committed one.
 */
export function createEngineAdapter(engine: Engine): SqlDriverAdapterFactory {
  return {
    provider: 'postgres',
    adapterName: 'pglite-prisma-adapter',
    connect: async () =>
      Object.assign(await connectAdapter(engine), {
        startTransaction: async (level?: IsolationLevel): Promise<Transaction> => {
          let ended: Promise<unknown> = Promise.resolve()
          const transaction: Engine['transaction'] = (work) => {
            const result = engine.transaction(work)
            ended = result
            return result
          }
          const adapter = await connectAdapter({ ...engine, transaction })
          const started = await adapter.startTransaction(level)
          const { commit } = started
          return Object.assign(started, {
            commit: async () => {
              await commit.call(started)
              await ended
            },
          })
        },
      }),
  }
}

// The adapter uses only members of PGlite that an engine has.
const connectAdapter = (engine: Engine) => new PrismaPGlite(engine as unknown as PGlite).connect()
