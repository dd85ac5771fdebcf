import { availableParallelism } from 'node:os'
import bcrypt from 'bcrypt'
import { measure, median } from './compare.ts'
import { type Cases, loadOf, measureBoth, pairOf, signIn } from './contest.ts'
import { loadGet, loadInTurn, loadLoops } from './load.ts'
import type { LoadResult, OtherResult } from './result.ts'
import { password } from './stage.ts'

const gatewayOf = <Gateway>({ gateway }: { gateway: Gateway }) => gateway
const bareOf = <Bare>({ bare }: { bare: Bare }) => bare

/** The cases of requests under load, each with a row of the first table and perhaps rows of the second. */
export const loadCases: Cases<{ load: LoadResult; others?: OtherResult[] }> = {
  user: async (contest) => {
    const known = await signIn(contest, 1000)
    const results = await measureBoth(contest, gatewayOf, (side) =>
      loadGet(`${side.gateway.base}/user`, 32, contest.seconds, known(side)),
    )
    const targets = { cpu: { most: 0.2 }, perSecond: { least: 4 } }
    return { load: loadOf('`GET /user`, 32 in flight', results, targets) }
  },

  refresh: async (contest) => {
    const { now, before, seconds } = contest
    const current = new Map<unknown, (string | undefined)[]>()
    for (const side of [now, before]) {
      const sessions = await Promise.all(Array.from({ length: 8 }, side.gateway.login))
      current.set(
        side,
        sessions.map(({ refreshToken }) => refreshToken),
      )
    }
    const results = await measureBoth(contest, gatewayOf, (side) => {
      const tokens = current.get(side) ?? []
      return loadLoops(8, seconds, async (loop) => {
        const answer = await side.gateway.post('/token', { refreshToken: tokens[loop] })
        tokens[loop] = answer.refreshToken
      })
    })
    return {
      load: loadOf('refresh, 8 in flight', results, { cpu: { most: 0.6 }, perSecond: { least: 1.4 } }),
    }
  },

  jwks: async (contest) => {
    const results = await measureBoth(contest, gatewayOf, ({ gateway }) =>
      loadGet(`${gateway.base}/jwks`, 32, contest.seconds),
    )
    return {
      load: loadOf('`/jwks`, 32 in flight', results, { cpu: { most: 0.55 }, perSecond: { least: 1.8 } }),
    }
  },

  webhook: async (contest) => {
    const { seconds, limit, now } = contest
    const known = await signIn(contest, 1000)
    const results = await measureBoth(
      contest,
      gatewayOf,
      (side) => loadGet(`${side.gateway.base}/webhook`, 32, seconds, known(side)),
      () => measure(limit, () => loadGet(`${limit.base}/memory`, 32, seconds, known(now))),
    )
    const { now: ours, before: old } = pairOf(results, ({ perSecond }) => perSecond)
    const remembering = median((results[2] ?? []).map(({ perSecond }) => perSecond))
    return {
      load: loadOf('`/webhook` from memory, 32 in flight', results, {
        cpu: { most: 0.5 },
        perSecond: { least: 2 },
      }),
      others: [
        {
          name: '`/webhook` from memory, of the rate of "remember the verified token"',
          ...{ unit: ' ×', values: { now: ours / remembering, before: old / remembering } },
          target: { least: 0.65 },
        },
      ],
    }
  },

  'webhook-known': async (contest) => {
    const known = await signIn(contest, 1000)
    const results = await measureBoth(contest, bareOf, (side) =>
      loadGet(`${side.bare.base}/webhook`, 32, contest.seconds, known(side)),
    )
    const targets = { cpu: { most: 0.65 }, perSecond: { least: 1.4 } }
    return { load: loadOf('`/webhook` without memory, known tokens, 32 in flight', results, targets) }
  },

  'webhook-unseen': async (contest) => {
    // More tokens than a gateway remembers, so that it verifies every token on every request.
    const unseen = await signIn(contest, 16_000)
    const [ofNow, ofBefore] = [loadInTurn(unseen(contest.now)), loadInTurn(unseen(contest.before))]
    const results = await measureBoth(contest, bareOf, (side) => {
      const load = side === contest.now ? ofNow : ofBefore
      return load(`${side.bare.base}/webhook`, 32, contest.seconds)
    })
    const targets = { cpu: { most: 0.75 }, perSecond: { least: 1.25 } }
    return { load: loadOf('`/webhook` without memory, unseen tokens, 32 in flight', results, targets) }
  },

  login: async (contest) => {
    // Twice as long as other cases, because a round has few logins.
    const seconds = 2 * contest.seconds
    const alone = () =>
      loadLoops(availableParallelism(), seconds, () => bcrypt.compare(password, contest.hash))
    const results = await measureBoth(
      contest,
      gatewayOf,
      ({ gateway }) => loadLoops(8, seconds, gateway.login),
      async () => ({ ...(await alone()), cpu: 0 }),
    )
    const { now, before } = pairOf(results, ({ perSecond }) => perSecond)
    const most = median((results[2] ?? []).map(({ perSecond }) => perSecond))
    return {
      load: loadOf('login with limits, 8 in flight', results, { cpu: { most: 0.95 } }),
      others: [
        {
          name: 'login with limits, of the rate of bcrypt alone',
          ...{ unit: ' ×', values: { now: now / most, before: before / most }, target: { least: 0.97 } },
        },
      ],
    }
  },
}
