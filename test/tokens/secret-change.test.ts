import { generateKeyPairSync } from 'node:crypto'
import { type AppOptions, createMigratedDatabase, engines, startApp } from '../_app.ts'
import { readJwks } from '../_hasura.ts'
import test from '../_test.ts'

const run = engines.includes('server') ? test : null
const a = { AUTH_SECRET: 'the first secret, which is long enough 0123456789' }
const b = { AUTH_SECRET: 'the other secret, which is long enough 0123456789' }
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

/** Starts deployments on one database, one after another. */
async function createDeployments() {
  const databaseUrl = await createMigratedDatabase()
  return async (env: Record<string, string>, options: AppOptions = {}) =>
    startApp({ ...options, databaseUrl, env })
}

run?.(
  'AUTH_SECRET can be changed: with AUTH_PREVIOUS_SECRET, tokens and keys stay valid, and keys are encrypted again',
  async (t) => {
    const start = await createDeployments()
    const first = await start(a)
    const session = await first.signup('survivor')
    const { kid } = first.gateway.keys.active
    await first.close()

    await t.throwsAsync(start(b), { message: /another AUTH_SECRET.*AUTH_PREVIOUS_SECRET/ })

    const both = await start({ ...b, AUTH_PREVIOUS_SECRET: a.AUTH_SECRET })
    t.is(both.gateway.keys.active.kid, kid)
    t.is((await both.get('/user', bearer(session.token))).status, 200)
    const refreshed = await both.post<{ refreshToken: string }>('/token', {
      refreshToken: session.refreshToken,
    })
    t.is(refreshed.status, 200)
    await both.close()

    const after = await start(b)
    t.teardown(() => after.close())
    t.is(after.gateway.keys.active.kid, kid)
    t.is((await after.post('/token', { refreshToken: session.refreshToken })).status, 401)
    t.is((await after.post('/token', { refreshToken: refreshed.body.refreshToken })).status, 200)
  },
)

run?.('from database keys to an environment key and back no valid token is lost', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const AUTH_PRIVATE_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const AUTH_PREVIOUS_PUBLIC_KEYS = `named=${publicKey.export({ type: 'spki', format: 'pem' })}`
  const start = await createDeployments()

  const database = await start({ ...a, AUTH_PREVIOUS_PUBLIC_KEYS })
  t.deepEqual(
    [...readJwks(database.gateway.keys.jwks).keys()].sort(),
    [database.gateway.keys.active.kid, 'named'].sort(),
  )
  const one = await database.signup('switcher')
  const stored = database.gateway.keys.active.kid
  await database.close()

  const environment = await start({ ...a, AUTH_PRIVATE_KEY, AUTH_KEY_ID: 'named' })
  t.is(environment.gateway.keys.active.kid, 'named')
  t.true(readJwks(environment.gateway.keys.jwks).has(stored))
  t.is((await environment.get('/user', bearer(one.token))).status, 200)
  const two = (await environment.login('switcher')).body
  await environment.close()

  const back = await start({ ...a, AUTH_PREVIOUS_PUBLIC_KEYS })
  t.teardown(() => back.close())
  t.is(back.gateway.keys.active.kid, stored)
  t.is((await back.get('/user', bearer(two.token))).status, 200)
  t.is((await back.get('/user', bearer(one.token))).status, 200)
})
