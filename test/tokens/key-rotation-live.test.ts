import { setTimeout as pause } from 'node:timers/promises'
import { createMigratedDatabase, engines, startApp, type TestApp } from '../_app.ts'
import { readJwks, readToken } from '../_hasura.ts'
import test from '../_test.ts'

// The clock runs thirty times as fast: a key is published four real seconds before it signs, and removed six after.
const speed = 30
const began = Date.now()
const now = () => new Date(began + (Date.now() - began) * speed)
const seconds = () => Math.floor(now().getTime() / 1000)
const maxAge = 60
const env = {
  AUTH_JWKS_MAX_AGE: String(maxAge),
  AUTH_ACCESS_TOKEN_LIFETIME: '90',
  AUTH_REFRESH_GRACE: '0',
}

/** Creates a model of Hasura v2 at one gateway: it caches /jwks for max-age, and verifies with the cached keys only. */
function createPoller(app: () => TestApp) {
  let keys = new Map() as ReturnType<typeof readJwks>
  let readAt = Number.NEGATIVE_INFINITY
  return async (token: string) => {
    if (seconds() - readAt >= maxAge) {
      const { text, headers } = await app().get('/jwks')
      keys = readJwks(text, headers as Headers)
      readAt = seconds()
    }
    const { issuer, audience } = app().config
    // A token that expires between the gateway's clock and Hasura's clock is not counted.
    return readToken(token, keys, { now: seconds(), issuer, audience, skew: 30 }).header.kid
  }
}

const run = engines.includes('server') ? test : null

run?.(
  'through rotations, retirements and a restart on two gateways no valid token is ever unverifiable',
  async (t) => {
    const databaseUrl = await createMigratedDatabase()
    const opened: TestApp[] = []
    const open = async () => {
      const app = await startApp({ databaseUrl, env, now })
      opened.push(app)
      return app
    }
    let apps = [await open(), await open()] as [TestApp, TestApp]
    t.teardown(() => Promise.all(apps.map((app) => app.close())))
    await apps[0].signup('poller')
    const pollers = [createPoller(() => apps[0]), createPoller(() => apps[1])]
    const tokens: { token: string; expires: number }[] = []
    const kids = new Set<unknown>()
    let checked = 0

    async function verifyAll(): Promise<void> {
      const living = tokens.filter(({ expires }) => expires > seconds() + 5)
      for (const { token } of living) {
        for (const poll of pollers) kids.add(await poll(token))
        checked++
      }
    }

    async function turn(): Promise<void> {
      const answers = await Promise.all(apps.map((app) => app.login('poller')))
      for (const { body } of answers) tokens.push({ token: body.token, expires: seconds() + body.expiresIn })
      await verifyAll()
      while (tokens.length > 40) tokens.shift()
      await pause(100)
    }

    const due = (app: TestApp) =>
      app.sql(`UPDATE signing_key SET active_at = active_at - interval '100 days' WHERE state = 'active'`)
    const states = async () =>
      (await apps[0].sql<{ state: string }>('SELECT state FROM signing_key ORDER BY state')).map(
        ({ state }) => state,
      )

    async function untilStates(expected: string[]): Promise<void> {
      const limit = Date.now() + 30_000
      while (JSON.stringify(await states()) !== JSON.stringify(expected)) {
        if (Date.now() > limit) throw new Error(`still ${await states()}, not ${expected}`)
        await turn()
      }
    }

    await turn()
    await due(apps[0])
    await untilStates(['active', 'next'])
    await apps[1].close()
    apps = [apps[0], await open()]
    await untilStates(['active', 'retiring'])
    await untilStates(['active'])
    t.is(kids.size, 2)
    t.true(checked > 100)
    await Promise.all(apps.map((app) => app.gateway.keys.update(now())))
    t.deepEqual(
      apps.map((app) => readJwks(app.gateway.keys.jwks).size),
      [1, 1],
    )
    const steps = () =>
      opened
        .flatMap(({ logs }) => logs.filter(({ event }) => event === 'key.rotated'))
        .map(({ step }) => step)
    while (steps().length < 3) await pause(20)
    t.deepEqual(steps().sort(), ['activate', 'create', 'remove'])
  },
)
