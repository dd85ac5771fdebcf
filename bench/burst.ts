import { loadGet } from './load.ts'

/** What a burst did to everything else: the slowest of a hundred answers in milliseconds, by path. */
export type Burst = { answered: number; refused: number; p99: Record<string, number> }

/** Sends `logins` logins at once, and asks what must not wait for them meanwhile. */
export async function measureBurst(
  base: string,
  logins: number,
  login: () => Promise<unknown>,
  headers: Record<string, string>,
): Promise<Burst> {
  const burst = Promise.allSettled(Array.from({ length: logins }, login))
  const p99: Record<string, number> = {}
  for (const path of ['/jwks', '/healthz', '/webhook']) {
    p99[path] = (await loadGet(base + path, 4, 2, headers)).p99
  }
  const outcomes = await burst
  const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
  return { answered, refused: logins - answered, p99 }
}
