import { randomBytes } from 'node:crypto'
import { engines } from '../_app.ts'
import test from '../_test.ts'
import { byPassword, later, now, openStores, type Stores } from './_stores.ts'

const newHash = () => new Uint8Array(randomBytes(32))

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  const beginWithCode = async (username: string, codeChallenge: string | null) => {
    const device = { userAgent: null, address: null }
    const id = await stores.addUser(username)
    const access = await stores.sessions.begin({ id, ...byPassword }, device, now, 60)
    if (!access) throw new Error('no session began')
    const hash = newHash()
    await stores.oneTimeCodes.createCode({
      hash,
      sessionId: access.sessionId,
      codeChallenge,
      expiresAt: later(60),
    })
    return { hash, sessionId: access.sessionId }
  }

  test.serial(`${engine}: a code gives its session once, which then has its whole idle time`, async (t) => {
    const { hash, sessionId } = await beginWithCode('anna', 'challenge')
    const access = await stores.sessions.redeem(hash, 'challenge', later(30))
    t.like(access, { sessionId, counter: 0, username: 'anna', idleExpiresAt: later(30 + 3_600) })
    t.is(await stores.sessions.redeem(hash, 'challenge', later(30)), null)
  })

  test.serial(
    `${engine}: a wrong, missing or unexpected code challenge returns null and consumes the code`,
    async (t) => {
      for (const [bound, given] of [
        ['challenge', 'another'],
        ['challenge', null],
        [null, 'challenge'],
      ] as const) {
        const { hash } = await beginWithCode(`bob ${bound} ${given}`, bound)
        t.is(await stores.sessions.redeem(hash, given, now), null)
        t.is(await stores.sessions.redeem(hash, bound, now), null)
      }
    },
  )

  test.serial(
    `${engine}: an expired or unknown code, or a code of an ended session, returns null`,
    async (t) => {
      const expired = await beginWithCode('carol', null)
      t.is(await stores.sessions.redeem(expired.hash, null, later(60)), null)
      t.is(await stores.sessions.redeem(newHash(), null, now), null)
      const ended = await beginWithCode('caroline', null)
      await stores.sessions.revoke(ended.sessionId, false, now)
      t.is(await stores.sessions.redeem(ended.hash, null, now), null)
    },
  )

  test.serial(`${engine}: a state is spent once`, async (t) => {
    const hash = newHash()
    t.true(await stores.oneTimeCodes.consume(hash, later(600)))
    t.false(await stores.oneTimeCodes.consume(hash, later(600)))
  })

  test.serial(
    `${engine}: a sweep deletes expired rows, sessions a day later, and nothing else`,
    async (t) => {
      const { oneTimeCodes, sweep, sql } = stores
      for (const table of ['oauth_state', 'session']) await sql(`DELETE FROM ${table}`)
      await oneTimeCodes.consume(newHash(), later(10))
      await oneTimeCodes.consume(newHash(), later(30))
      await beginWithCode('dora', null)

      t.is(await sweep(later(10)), 0)
      t.is(await sweep(later(20)), 1)
      t.is(await sweep(later(61)), 2)
      t.is((await sql('SELECT 1 FROM session')).length, 1)
      t.is(await sweep(later(60 + 86_400)), 0)
      t.is(await sweep(later(61 + 86_400)), 1)
      t.deepEqual(await sql('SELECT 1 FROM session'), [])
    },
  )
}
