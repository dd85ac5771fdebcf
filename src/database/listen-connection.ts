import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import pg from 'pg'

/** What an ear needs. Times in milliseconds. */
export type EarSettings = {
  config: pg.ClientConfig
  channel: string
  /** Says something on the channel, on another connection. */
  tell(message: string): Promise<unknown>
  /** How long somebody may wait to know whether everything has been heard. */
  patience: number
  /** How long what is said may take to arrive, and an answer until the connection is given up. */
  timeout: number
  /** How often something is said, to see that it arrives. */
  heartbeat: number
}

/** One connection that listens; `lost` settles with the reason when it does not any more. */
export type Ear = { isCurrent(): Promise<boolean>; lost: Promise<unknown>; close(): Promise<void> }

/** The connection is there, and what is said on the channel does not arrive. */
export class DeafError extends Error {}

const prefix = 'heartbeat '

/**
 * Opens a connection that listens, and has heard itself: behind a pooler that lends connections for one transaction
 * each, LISTEN succeeds and nothing is ever heard. Throws DeafError then, or what else keeps it from listening.
 */
export async function openEar(
  settings: EarSettings,
  heard: (message: string) => void,
  signal: AbortSignal,
): Promise<Ear> {
  const client = new pg.Client({ ...settings.config, application_name: 'claimgate listener' })
  const awaited = new Map<string, () => void>()
  let beating: NodeJS.Timeout | undefined
  let lose: (reason: unknown) => void = () => {}
  const lost = new Promise<unknown>((resolve) => {
    lose = resolve
  })
  const stop = () => lose(signal.reason)
  signal.addEventListener('abort', stop)
  client.on('error', lose)
  client.once('end', () => lose(new Error('The listening connection ended')))
  client.on('notification', ({ payload = '' }) => {
    awaited.get(payload)?.()
    if (!payload.startsWith(prefix)) heard(payload)
  })

  async function hearOneself(): Promise<void> {
    const message = prefix + randomUUID()
    const arrival = new Promise<void>((resolve) => awaited.set(message, resolve))
    try {
      await settings.tell(message)
      if (!(await isInTime(arrival, settings.timeout)))
        throw new DeafError('What is said does not arrive on the listening connection')
    } finally {
      awaited.delete(message)
    }
  }

  async function open(): Promise<void> {
    await client.connect()
    await client.query(`LISTEN ${client.escapeIdentifier(settings.channel)}`)
    // No statement runs here meanwhile, or a pooler would lend us the connection that hears.
    await hearOneself()
  }

  const close = async () => {
    clearInterval(beating)
    signal.removeEventListener('abort', stop)
    // In order, unless a statement waits for its answer: then the connection is cut.
    await isInTime(client.end(), settings.timeout)
  }
  const refuse = async () => {
    throw await lost
  }
  try {
    await Promise.race([open(), refuse()])
  } catch (error) {
    void close()
    throw error
  }

  const giveUp = () => lose(new Error('The listening connection does not answer'))
  let isLate = false
  // Before a server answers a statement it sends what was told until then.
  const isCurrent = shareQuestion(async () => {
    if (isLate) return false
    const answer = client.query('').catch(giveUp)
    if (await isInTime(answer, settings.patience)) return answer.then((result) => result !== undefined)
    // Nothing is missed by waiting, and on a busy machine it may still come; but nobody waits for it any more.
    isLate = true
    void isInTime(answer, settings.timeout).then((hasCome) => {
      isLate = false
      if (!hasCome) giveUp()
    })
    return false
  })
  // In case those who write have moved to another server. What could not be said proves nothing about who listens: under
  // load no other connection may be free, and memory is worth most then. So only the connection itself is asked.
  const beat = () =>
    hearOneself().catch((error) => (error instanceof DeafError ? lose(error) : void isCurrent()))
  beating = setInterval(beat, settings.heartbeat).unref()
  return { isCurrent, lost, close }
}

/** Whether something happens within so many milliseconds. What has arrived while the process was busy is in time. */
function isInTime(event: Promise<unknown>, limit: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(resolve, false), limit)
    event.then(() => resolve(true), reject).finally(() => clearTimeout(timer))
  })
}

const turns = 4

/**
 * Puts one question for all who want to know at the same time. Each gets the answer to a question that was put after
 * they came, never to one that was on its way already.
 */
export function shareQuestion<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined
  const begin = async (): Promise<T> => {
    await asked
    // Whoever comes in the next turns of the event loop joins: at rest they are over at once, under load many come.
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    next = undefined
    const answer = ask()
    asked = answer.catch(() => {})
    return answer
  }
  return () => {
    next ??= begin()
    return next
  }
}
