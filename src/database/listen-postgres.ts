import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ListenConnection,
  type ListenSettings,
  NotificationsNotDeliveredError,
  openListenConnection,
} from './listen-connection.ts'
import type { Subscriber, Subscription } from './listener.ts'

// In milliseconds.
const firstPause = 100
const longestPause = 1_000
const undeliveredPause = 60_000

/** Listens on a server until it is closed: after every loss it connects again. Closing it is no loss. */
export function listenOnServer(settings: ListenSettings, subscriber: Subscriber): Subscription {
  const stopping = new AbortController()
  const { signal } = stopping
  let connection: ListenConnection | null = null

  async function listen(): Promise<void> {
    let pause = firstPause
    while (!signal.aborted) {
      let wait: number
      try {
        const opened = await openListenConnection(settings, subscriber.onMessage, signal)
        connection = opened
        subscriber.onReconnect()
        pause = firstPause
        wait = pause
        const reason = await opened.disconnected
        connection = null
        if (signal.aborted) return await opened.close()
        subscriber.onDisconnect(reason)
        void opened.close()
      } catch (reason) {
        if (signal.aborted) return
        subscriber.onDisconnect(reason)
        wait = reason instanceof NotificationsNotDeliveredError ? undeliveredPause : pause
        pause = Math.min(2 * pause, longestPause)
      }
      await sleep(wait, undefined, { signal }).catch(() => {})
    }
  }

  const ended = listen()
  return {
    isCaughtUp: () => connection?.isCaughtUp() ?? Promise.resolve(false),
    isUp: () => connection !== null,
    close: () => {
      stopping.abort()
      return ended
    },
  }
}
