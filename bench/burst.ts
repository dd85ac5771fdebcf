import { loadGet } from './load.ts'
import type { Stage } from './stage.ts'

/** Sends 300 logins at once, and prints the 99th percentiles of endpoints that must not wait for them. */
export async function measureBurst({ gateway: { base, login } }: Stage): Promise<void> {
  const { token = '' } = await login()
  const headers = { authorization: `Bearer ${token}` }
  const burst = Promise.allSettled(Array.from({ length: 300 }, login))
  const slowest: string[] = []
  for (const path of ['/jwks', '/healthz', '/webhook']) {
    const { p99 } = await loadGet(base + path, 4, 2, headers)
    slowest.push(`${path} ${p99.toFixed(0)} ms`)
  }
  const outcomes = await burst
  const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
  const refused = outcomes.length - answered
  console.log(
    `beside 300 logins at once (${answered} answered, ${refused} rejected): p99 ${slowest.join(', ')}`,
  )
}
