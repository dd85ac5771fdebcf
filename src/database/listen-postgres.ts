import { setTimeout as sleep } from 'node:timers/promises'
import { DeafError, type Ear, type EarSettings, openEar } from './listen-connection.ts'
import type { Hearer, Listening } from './listener.ts'

// In milliseconds.
const firstPause = 100
const longestPause = 1_000
const deafPause = 60_000

/** Listens on a server until it is closed: after every loss it connects again. Closing it is no loss. */
export function listenOnServer(settings: EarSettings, hearer: Hearer): Listening {
  const stopping = new AbortController()
  const { signal } = stopping
  let ear: Ear | null = null

  async function listen(): Promise<void> {
    let pause = firstPause
    while (!signal.aborted) {
      let wait: number
      try {
        const opened = await openEar(settings, hearer.heard, signal)
        ear = opened
        hearer.back()
        pause = firstPause
        wait = pause
        const reason = await opened.lost
        ear = null
        if (signal.aborted) return await opened.close()
        hearer.lost(reason)
        void opened.close()
      } catch (reason) {
        if (signal.aborted) return
        hearer.lost(reason)
        wait = reason instanceof DeafError ? deafPause : pause
        pause = Math.min(2 * pause, longestPause)
      }
      await sleep(wait, undefined, { signal }).catch(() => {})
    }
  }

  const ended = listen()
  return {
    isCurrent: async () => {
      const asked = ear
      return asked !== null && (await asked.isCurrent()) && asked === ear
    },
    isUp: () => ear !== null,
    close: () => {
      stopping.abort()
      return ended
    },
  }
}
