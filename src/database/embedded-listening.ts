import type { PGlite } from '@electric-sql/pglite'
import type { Hearer, Listening } from './listening.ts'

/** Listens in the embedded database, where everything is told before the statement that told it has its answer. */
export function listenEmbedded(pglite: PGlite, channel: string, hearer: Hearer): Listening {
  let isListening = false
  const begun = pglite.listen(channel, hearer.heard).then(() => {
    isListening = true
    hearer.back()
  }, hearer.lost)
  const isUp = () => isListening && !pglite.closed
  return {
    isCurrent: async () => isUp(),
    isUp,
    close: async () => {
      await begun
      isListening = false
    },
  }
}
