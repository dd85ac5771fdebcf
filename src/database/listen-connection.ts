import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ServerClient } from './server-client.ts'
import { isServerShared } from './shared-server.ts'

/** The settings of a listening connection. Times in milliseconds. */
export type ListenSettings = {
  /** Opens a connection. */
  open(signal: AbortSignal): Promise<ServerClient>
  channel: string
  /** Sends a message on a channel, over another connection. */
  notify(channel: string, message: string): Promise<unknown>
  /** The limit for the answer whether every message has arrived. */
  patience: number
  /** The limit for a probe to arrive, and for an answer before the connection is closed. */
  timeout: number
  /** The interval between probes. */
  heartbeat: number
}

/** A connection that listens on a channel. `disconnected` resolves with the reason when it no longer does. */
export type ListenConnection = {
  isCaughtUp(): Promise<boolean>
  disconnected: Promise<unknown>
  close(): Promise<void>
}

/** The error of a connection on which LISTEN succeeds and notifications do not arrive. */
export class NotificationsNotDeliveredError extends Error {}

/**
 * Opens a connection, listens and sends a probe. Behind a pooler in transaction mode LISTEN succeeds and no notification
 * arrives: then it throws NotificationsNotDeliveredError. It also throws every error of the connection.
 */
export async function openListenConnection(
  settings: ListenSettings,
  onMessage: (message: string) => void,
  signal: AbortSignal,
): Promise<ListenConnection> {
  const client = await settings.open(signal)
  // The probes of a process have a channel of their own: on the common channel, every process would get them.
  const own = `claimgate_probe_${randomUUID()}`
  const awaited = new Map<string, () => void>()
  let heartbeat: NodeJS.Timeout | undefined
  let isLost = false
  let disconnect: (reason: unknown) => void = () => {}
  const disconnected = new Promise<unknown>((resolve) => {
    disconnect = (reason) => {
      isLost = true
      resolve(reason)
    }
  })
  const stop = () => disconnect(signal.reason)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  client.on('error', disconnect)
  client.once('end', () => disconnect(new Error('The listening connection ended')))
  client.on('notification', ({ channel, payload = '' }) => {
    if (channel === own) awaited.get(payload)?.()
    else onMessage(payload)
  })

  async function probe(): Promise<void> {
    const message = randomUUID()
    const arrival = new Promise<void>((resolve) => awaited.set(message, resolve))
    try {
      await settings.notify(own, message)
      if (!(await isInTime(arrival, settings.timeout)))
        throw new NotificationsNotDeliveredError('Notifications do not arrive on the listening connection')
    } finally {
      awaited.delete(message)
    }
  }

  // LISTEN would stay on a shared server connection, whose notifications other clients then get.
  async function refuseShared(): Promise<void> {
    const other = await settings.open(signal)
    try {
      if (await isServerShared(client, other))
        throw new NotificationsNotDeliveredError(
          "A pooler shares server connections between clients. Set DATABASE_DIRECT_URL to the server's own address",
        )
    } finally {
      void other.end()
    }
  }

  async function open(): Promise<void> {
    if (client.isPooled) await refuseShared()
    const listen = [settings.channel, own].map((channel) => `LISTEN ${client.escapeIdentifier(channel)}`)
    await client.query(listen.join('; '))
    // No other statement runs on this connection, or a pooler would give it the server connection that listens.
    await probe()
  }

  const close = async () => {
    clearInterval(heartbeat)
    signal.removeEventListener('abort', stop)
    // A regular end; a connection with an unanswered statement is closed without it.
    await isInTime(client.end(), settings.timeout)
  }
  const refuse = async () => {
    throw await disconnected
  }
  try {
    await Promise.race([open(), refuse()])
  } catch (error) {
    void close()
    throw error
  }

  const giveUp = () => disconnect(new Error('The listening connection does not answer'))
  let isLate = false
  // A server sends the notifications of the past before its answer to a statement.
  const isCaughtUp = coalesceCalls(async () => {
    if (isLate || isLost) return false
    const answer = client.query('').catch(giveUp)
    if (await isInTime(answer, settings.patience)) return !isLost
    // A busy machine may answer late. Callers stop waiting now; the connection counts as lost after the timeout.
    isLate = true
    void isInTime(answer, settings.timeout).then((hasCome) => {
      isLate = false
      if (!hasCome) giveUp()
    })
    return false
  })
  // The other connections may lead to another server since a failover. A probe that could not be sent proves nothing:
  // under load no other connection may be free, and the cache is worth most then. So only this connection is asked.
  const sendHeartbeat = () =>
    probe().catch((error) =>
      error instanceof NotificationsNotDeliveredError ? disconnect(error) : void isCaughtUp(),
    )
  heartbeat = setInterval(sendHeartbeat, settings.heartbeat).unref()
  return { isCaughtUp, disconnected, close }
}

/** Returns true when `event` resolves within `limit` milliseconds, also when it arrived while the process was busy. */
function isInTime(event: Promise<unknown>, limit: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(resolve, false), limit)
    event.then(() => resolve(true), reject).finally(() => clearTimeout(timer))
  })
}

const turns = 4

/**
 * Coalesces concurrent calls into one. Each caller gets the result of a call that began after its own, never of one that
 * was already running.
 */
export function coalesceCalls<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined
  const begin = async (): Promise<T> => {
    await asked
    // Callers of the next turns of the event loop join. An idle process passes these turns at once.
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
