import { messages, type QueryOptions } from '@electric-sql/pglite'
import type { Channel } from './channel.ts'
import type { Engine, EngineTransaction } from './engine.ts'
import type { EngineAnswer, EngineFailure, EngineRequest, EngineRows } from './engine-server.ts'

/**
 * Creates an engine whose database another process has open. Plain statements use `first`; each transaction, lock and
 * subscription opens a connection of its own, and ends with it. Throws an error with the code of a lost connection when
 * the other process ends.
 */
export function createEngineClient(first: Channel, open: () => Promise<Channel>): Engine {
  const plain = createCaller(first)
  const subscriptions = new Set<Channel>()
  let closed = false
  const apart = async <T>(kind: 'begin' | 'lock', work: (ask: Ask) => Promise<T>): Promise<T> => {
    const { ask, end } = createCaller(await open())
    try {
      await ask({ kind })
      return await work(ask)
    } finally {
      await end()
    }
  }
  return {
    get closed() {
      return closed
    },
    query: queryBy(plain.ask),
    exec: (text) => plain.ask({ kind: 'exec', text }),
    transaction: (work) => apart('begin', (ask) => transact(ask, work)),
    exclusively: (work) => apart('lock', work),
    listen: async (channel, onMessage) => {
      const subscription = await open()
      subscriptions.add(subscription)
      subscription.send({ kind: 'listen', channel } satisfies EngineRequest)
      resultOf(await subscription.receive())
      void readNotifications(subscription, onMessage)
      return async () => subscription.destroy()
    },
    close: async () => {
      closed = true
      for (const subscription of subscriptions) subscription.destroy()
      await plain.end()
    },
  }
}

type Ask = (request: EngineRequest) => Promise<unknown>

/** Sends one request at a time. `end` waits for the last answer. */
function createCaller(channel: Channel): { ask: Ask; end(): Promise<void> } {
  let last: Promise<unknown> = Promise.resolve()
  return {
    ask: (request) => {
      const answered = last.then(async () => {
        channel.send(request)
        return resultOf(await channel.receive())
      })
      last = answered.catch(() => {})
      return answered
    },
    end: async () => {
      await last
      channel.end()
    },
  }
}

async function transact<T>(ask: Ask, work: (transaction: EngineTransaction) => Promise<T>): Promise<T> {
  let isOpen = true
  const result = await work({
    query: queryBy(ask),
    exec: (text) => ask({ kind: 'exec', text }),
    rollback: async () => {
      isOpen = false
      // A transaction whose connection has ended is rolled back already, and Prisma does not wait for this promise.
      await ask({ kind: 'rollback' }).catch(() => {})
    },
  })
  if (isOpen) await ask({ kind: 'commit' })
  return result
}

/** Returns `query` over a connection. Functions stay in this process: it parses the texts of the types that they are for. */
function queryBy(ask: Ask): Engine['query'] {
  return async (text, values = [], { rowMode = 'object', parsers = {} }: QueryOptions = {}) => {
    const asText = Object.keys(parsers).map(Number)
    const isArray = rowMode === 'array'
    if (asText.length > 0 && !isArray) throw new Error('Parsers need the row mode array')
    const answer = await ask({ kind: 'query', text, values: [...values], isArray, asText })
    const { rows, fields, affectedRows = 0 } = answer as EngineRows
    const parse = (value: unknown, column: number) => {
      const parser = parsers[fields[column]?.dataTypeID ?? 0]
      return parser === undefined || value === null ? value : parser(value as string)
    }
    const parsed = asText.length > 0 ? (rows as unknown[][]).map((row) => row.map(parse)) : rows
    return { rows: parsed as never[], fields, affectedRows }
  }
}

async function readNotifications(channel: Channel, onMessage: (message: string) => void): Promise<void> {
  for (;;) {
    const value = (await channel.receive()) as EngineAnswer | null
    if (value === null) return
    if ('notification' in value) onMessage(value.notification)
  }
}

function resultOf(value: unknown): unknown {
  const answer = value as Exclude<EngineAnswer, { notification: string }> | null
  if (answer === null)
    throw Object.assign(new Error('The gateway that has the embedded database open has ended'), {
      code: 'ECONNRESET',
    })
  if ('failure' in answer) throw toError(answer.failure)
  return answer.result
}

/** Returns the error as PGlite throws it, because Prisma recognises errors of statements by their class. */
function toError({ message, isStatement, fields }: EngineFailure): Error {
  const error = isStatement ? new messages.DatabaseError(message, 0, 'error') : new Error(message)
  return Object.assign(error, fields)
}
