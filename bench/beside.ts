import { alternate, median } from './compare.ts'
import { loadGet, loadLoops, type Rate } from './load.ts'
import type { Asked, Stage } from './stage.ts'

/** Measures `/webhook` during eight concurrent logins, on a gateway with the webhook cache and on one without. */
export async function measureBesideLogins({ gateway, bare, seconds }: Stage): Promise<void> {
  for (const [name, asked] of [
    ['', gateway],
    [' without the cache', bare],
  ] as const) {
    const { perSecond, p99 } = await besideLogins(asked, seconds)
    console.log(
      `/webhook${name} beside 8 logins: ${perSecond.toFixed(0)} /s, p99 ${p99.toFixed(0)} ms (≤ 60)`,
    )
  }
}

async function besideLogins({ base, login }: Asked, seconds: number): Promise<Rate> {
  const { token = '' } = await login()
  const headers = { authorization: `Bearer ${token}` }
  const [rate] = await Promise.all([
    loadGet(`${base}/webhook`, 32, seconds, headers),
    loadLoops(8, seconds, login),
  ])
  return rate
}

/** Sends 300 logins at once, and measures the endpoints that must not wait for them. */
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

/** Compares two workers with one, in alternating rounds after a warm-up. */
export async function compareWorkers(stage: Stage): Promise<void> {
  const two = await stage.start({ WEB_CONCURRENCY: '2' })
  const { token = '' } = await stage.gateway.login()
  const headers = { authorization: `Bearer ${token}` }
  const ask = async ({ base }: Asked) =>
    (await loadGet(`${base}/webhook`, 32, stage.seconds, headers)).perSecond
  const [one = [], both = []] = await alternate(stage.rounds, [() => ask(stage.gateway), () => ask(two)])
  await stage.stop(two)
  const [slow, fast] = [median(one), median(both)]
  console.log(
    `/webhook of one worker ${slow.toFixed(0)} /s, of two ${fast.toFixed(0)} /s, ratio ${(fast / slow).toFixed(2)} (≥ 1.70)`,
  )
}
