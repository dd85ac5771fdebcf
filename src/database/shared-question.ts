import { setImmediate as nextTurn } from 'node:timers/promises'

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
