import { createPageSessions } from '../../src/stores/page-sessions.ts'
import { createSessions } from '../../src/stores/sessions.ts'
import { appTest, engines } from '../_app.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'
import { byPassword, later, lifetimes, now, openStores, type Stores } from '../stores/_stores.ts'

const device = { userAgent: null, address: null }
const cap = 3

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  const capped = () => createSessions(stores.database, lifetimes, cap)
  const begin = async (userId: string, at = 0) => {
    const access = await capped().begin({ id: userId, ...byPassword }, device, later(at))
    if (!access) throw new Error('no session began')
    return access.sessionId
  }
  const livingOf = async (userId: string, at: number, ids: string[]) => {
    const found = await Promise.all(ids.map((id) => stores.sessions.read(id, userId, later(at))))
    return found.map((access) => access !== null)
  }

  test(`${engine}: the session beyond the limit ends the least recently used one`, async (t) => {
    const id = await stores.addUser('collector')
    const [one, two, three] = [await begin(id, 0), await begin(id, 1), await begin(id, 2)]
    t.truthy(await stores.sessions.rotate(one, 0, later(3)))
    const four = await begin(id, 4)
    t.deepEqual(await livingOf(id, 4, [one, two, three, four]), [true, false, true, true])
    const five = await begin(id, 5)
    t.deepEqual(await livingOf(id, 5, [one, two, three, four, five]), [true, false, false, true, true])
    const reason = await stores.sql('SELECT revoked_at, revoked_reason FROM session WHERE id = $1', [two])
    t.deepEqual(reason, [{ revoked_at: later(4), revoked_reason: 'surplus' }])
  })

  test(`${engine}: an expired session ends before a session in use`, async (t) => {
    const id = await stores.addUser('sleeper')
    const one = await begin(id, 0)
    const access = await capped().begin({ id, ...byPassword }, device, later(1), 60)
    const three = await begin(id, 2)
    const four = await begin(id, 100)
    t.deepEqual(await livingOf(id, 100, [one, access?.sessionId ?? '', three, four]), [
      true,
      false,
      true,
      true,
    ])
  })

  test(`${engine}: a second session of the pages counts too`, async (t) => {
    const id = await stores.addUser('browsing')
    const ids = [await begin(id, 0), await begin(id, 1), await begin(id, 2)]
    const pages = createPageSessions(stores.database, lifetimes, cap)
    const first = { sessionId: ids[2] as string, userId: id }
    const second = await pages.beginSecond(first, device, later(3), 60)
    ids.push(second?.sessionId ?? '')
    t.deepEqual(await livingOf(id, 3, ids), [false, true, true, true])
  })

  test(`${engine}: a limit of one session ends the session before it`, async (t) => {
    const id = await stores.addUser('single')
    const single = createSessions(stores.database, lifetimes, 1)
    const ids: string[] = []
    for (let at = 0; at < 3; at++)
      ids.push((await single.begin({ id, ...byPassword }, device, later(at)))?.sessionId ?? '')
    t.deepEqual(await livingOf(id, 3, ids), [false, false, true])
  })

  test(`${engine}: a user from before the limit loses at most a thousand sessions at once, and in the end all beyond it`, async (t) => {
    const id = await stores.addUser('legacy')
    await stores.sql(
      `INSERT INTO session (user_id, created_at, idle_expires_at, expires_at)
       SELECT $1, $2, $3, $3 FROM generate_series(1, 1500)`,
      [id, later(-60), later(600)],
    )
    await begin(id)
    t.is(await stores.sessionList.count(id, now), 501)
    await begin(id)
    t.is(await stores.sessionList.count(id, now), cap)
  })

  test(`${engine}: sessions that begin at the same time are no more than the limit`, async (t) => {
    const times = rounds(3, 50)
    for (let round = 0; round < times; round++) {
      const id = await stores.addUser(`hasty-${round}`)
      const pages = createPageSessions(stores.database, lifetimes, cap)
      const first = { sessionId: await begin(id), userId: id }
      await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          n % 3 === 0 ? pages.beginSecond(first, device, now, 60) : begin(id),
        ),
      )
      t.is(await stores.sessionList.count(id, now), cap)
    }
  })

  test(
    `${engine}: AUTH_SESSIONS_PER_USER ends the oldest session of every way in, for tokens and webhook at once`,
    appTest({ engine, env: { AUTH_SESSIONS_PER_USER: '2' } }, async (t, app) => {
      const first = await app.signup('capped')
      app.clock.advance(1)
      const second = (await app.login('capped')).body
      t.is((await app.as(first).get('/webhook')).status, 200)
      app.clock.advance(1)
      const third = (await app.login('capped')).body
      t.is((await app.as(first).get('/webhook')).status, 401)
      t.is((await app.post('/token', { refreshToken: first.refreshToken })).status, 401)
      for (const session of [second, third]) t.is((await app.as(session).get('/webhook')).status, 200)
    }),
  )
}
