import type { TestApp } from '../_app.ts'

export type Event = { event: string; requestId: string } & Record<string, unknown>

/** Returns the events that a gateway announces during `work`. */
export async function during<T>(
  { logs }: TestApp,
  work: () => Promise<T>,
): Promise<{ answer: T; events: Event[]; names: string[] }> {
  const before = logs.length
  const answer = await work()
  const events = logs.slice(before).filter((line): line is Event => typeof line.event === 'string')
  return { answer, events, names: events.map(({ event }) => event) }
}
