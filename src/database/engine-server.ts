import { messages } from '@electric-sql/pglite'
import * as z from 'zod'
import { type Channel, receiveWithin } from './channel.ts'
import type { Engine, EngineTransaction } from './engine.ts'

const statement = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('query'),
    text: z.string(),
    values: z.array(z.unknown()),
    isArray: z.boolean(),
    /** The types whose values are returned as text: the caller parses them. */
    asText: z.array(z.int()),
  }),
  z.strictObject({ kind: z.literal('exec'), text: z.string() }),
])

const request = z.discriminatedUnion('kind', [
  statement,
  z.strictObject({ kind: z.enum(['begin', 'commit', 'rollback', 'lock']) }),
  z.strictObject({ kind: z.literal('listen'), channel: z.string() }),
])

/** A request of another process. */
export type EngineRequest = z.infer<typeof request>

/** The rows of a statement. */
export type EngineRows = {
  rows: unknown[]
  fields: { name: string; dataTypeID: number }[]
  affectedRows: number | undefined
}

/** The error of a request. `isStatement` is true when PostgreSQL rejects the statement. */
export type EngineFailure = { message: string; isStatement: boolean; fields: Record<string, string> }

/** The answer to a request, or a notification. */
export type EngineAnswer = { result: unknown } | { failure: EngineFailure } | { notification: string }

/** The times in milliseconds after which a silent process loses its transaction or its lock. */
export type Patience = { transaction: number; lock: number }

// A command computes a new key while it has the lock.
const defaults: Patience = { transaction: 5_000, lock: 60_000 }

/**
 * Creates the function that runs the requests of another process on the engine, one after the other. A transaction ends
 * with its connection, and no statement of this process runs meanwhile. So a process that is silent in a transaction
 * loses it.
 */
export function createEngineServer(engine: Engine, patience = defaults): (channel: Channel) => Promise<void> {
  return async (channel) => {
    while (await serveNext(engine, channel, patience));
    channel.end()
  }
}

/** Answers the next request. Returns false when the connection has ended, or has to end. */
async function serveNext(engine: Engine, channel: Channel, patience: Patience): Promise<boolean> {
  const next = parseRequest(await channel.receive())
  if (next === null) return false
  try {
    channel.send({ result: await serveRequest(engine, channel, next, patience) })
    return true
  } catch (error) {
    channel.send({ failure: toFailure(error) })
    return !(error instanceof Silence)
  }
}

async function serveRequest(
  engine: Engine,
  channel: Channel,
  next: EngineRequest,
  { transaction, lock }: Patience,
): Promise<unknown> {
  if (next.kind === 'begin') return transact(engine, channel, transaction)
  if (next.kind === 'lock')
    return engine.exclusively(async () => {
      channel.send({ result: null })
      await receiveWithin(channel, lock)
    })
  if (next.kind === 'listen') {
    const stop = await engine.listen(next.channel, (notification) => channel.send({ notification }))
    channel.send({ result: null })
    await channel.receive()
    return stop()
  }
  return run(engine, next)
}

/** Runs the statements of a transaction until the other process commits. Rolls back when it ends or is silent. */
async function transact(engine: Engine, channel: Channel, patience: number): Promise<null> {
  await engine.transaction(async (transaction) => {
    channel.send({ result: null })
    for (;;) {
      const received = await receiveWithin(channel, patience)
      if (received === undefined) throw new Silence(patience)
      const next = parseRequest(received)
      if (next === null) throw new Error('The connection ended in a transaction')
      if (next.kind === 'commit') return
      if (next.kind === 'rollback') return transaction.rollback()
      const answer = await run(transaction, next).then(
        (result) => ({ result }),
        (error) => ({ failure: toFailure(error) }),
      )
      channel.send(answer)
    }
  })
  return null
}

async function run(on: Pick<EngineTransaction, 'query' | 'exec'>, next: EngineRequest): Promise<unknown> {
  if (next.kind === 'exec') return void (await on.exec(next.text))
  if (next.kind !== 'query') throw new Error(`The request ${next.kind} is not possible here`)
  const { rows, fields, affectedRows } = await on.query(next.text, next.values, {
    rowMode: next.isArray ? 'array' : 'object',
    parsers: Object.fromEntries(next.asText.map((type) => [type, (text: string) => text])),
  })
  return { rows, fields, affectedRows } satisfies EngineRows
}

/** The end of a transaction whose process was silent for a number of milliseconds. */
class Silence extends Error {
  /** PostgreSQL's code for a session that was idle too long. */
  readonly code = '57P05'
  constructor(milliseconds: number) {
    super(
      `The command did nothing in a transaction for ${milliseconds / 1000} s, so the gateway has rolled it back. Run the command again, on a file instead of a slow pipe`,
    )
  }
}

function parseRequest(value: unknown): EngineRequest | null {
  return request.safeParse(value).data ?? null
}

function toFailure(error: unknown): EngineFailure {
  const known = error instanceof Error ? error : new Error(String(error))
  const texts = Object.entries(known).filter(([, value]) => typeof value === 'string')
  return {
    message: known.message,
    isStatement: known instanceof messages.DatabaseError,
    fields: Object.fromEntries(texts.filter(([name]) => name !== 'query')),
  }
}
