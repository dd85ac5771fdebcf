import type { Engine } from './engine.ts'

/** The callbacks of a subscription to a channel. */
export type Subscriber = {
  onMessage(message: string): void
  /** From now on messages may be missed. Also called when the first connection fails. */
  onDisconnect(reason: unknown): void
  /** From now on no message is missed. Also called after the first connection. */
  onReconnect(): void
}

/** A subscription to a channel. */
export type Subscription = {
  /**
   * Returns true when every message that was committed before this call has arrived. Returns false when that is unknown:
   * the connection is lost or does not answer.
   */
  isCaughtUp(): Promise<boolean>
  /** Returns true while the connection is believed to listen. */
  isUp(): boolean
  close(): Promise<void>
}

/** Listens in the embedded database, which delivers a message before it answers the statement that sent it. */
export function listenEmbedded(engine: Engine, channel: string, subscriber: Subscriber): Subscription {
  let isListening = false
  const begun = engine.listen(channel, subscriber.onMessage).then(() => {
    isListening = true
    subscriber.onReconnect()
  }, subscriber.onDisconnect)
  const isUp = () => isListening && !engine.closed
  return {
    isCaughtUp: async () => isUp(),
    isUp,
    close: async () => {
      await begun
      isListening = false
    },
  }
}
