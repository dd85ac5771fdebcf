import type { PGlite } from '@electric-sql/pglite'

/** Who wants to know what is told on a channel. */
export type Hearer = {
  heard(message: string): void
  /** From now on messages may be missed, or could not be heard from the beginning. */
  lost(reason: unknown): void
  /** From now on none is missed. */
  back(): void
}

/** An ear on a channel. */
export type Listening = {
  /**
   * Whether everything has been heard that was told before this call: by whom ever, if their transaction had ended. False
   * when nobody can say, because the connection is lost or does not answer.
   */
  isCurrent(): Promise<boolean>
  /** Whether it listens, as far as is known. */
  isUp(): boolean
  close(): Promise<void>
}

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
