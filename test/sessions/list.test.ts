import { createPageSessions } from '../../src/stores/page-sessions.ts'
import { formatPosition, parsePosition, type SessionPosition } from '../../src/stores/session-list.ts'
import { appTest, engines, quick, type SessionBody } from '../_app.ts'
import test from '../_test.ts'
import { byPassword, later, lifetimes, now, openStores, perUser, type Stores } from '../stores/_stores.ts'

const device = { userAgent: null, address: null }

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  /** Adds sessions, several with the same time of their last use. */
  const addSessions = (userId: string, number: number) =>
    stores.sql(
      `INSERT INTO session (user_id, created_at, rotated_at, idle_expires_at, expires_at)
       SELECT $1, $2::timestamptz - n * interval '1 minute', CASE WHEN n % 2 = 0 THEN $2::timestamptz - n / 10 * interval '7 ms' END, $3, $3
       FROM generate_series(1, ${number}) n`,
      [userId, now, later(600)],
    )

  test(`${engine}: the pages of the list have every session once, the last used first`, async (t) => {
    const id = await stores.addUser('paged')
    await addSessions(id, 53)
    const found = []
    let after: SessionPosition | null = null
    do {
      const page = await stores.sessionList.read(id, now, 7, after)
      found.push(...page.sessions)
      after = page.next && parsePosition(formatPosition(page.next))
    } while (after !== null)
    t.is(new Set(found.map((session) => session.id)).size, 53)
    const whole = (await stores.sessionList.read(id, now, 53)).sessions
    t.deepEqual(found, whole)
    const times = found.map(({ lastUsedAt }) => lastUsedAt.getTime())
    t.deepEqual(
      times,
      [...times].sort((a, b) => b - a),
    )
    t.is(await stores.sessionList.count(id, now), 53)
    t.is(await stores.sessionList.count(id, later(600)), 0)
  })

  test(`${engine}: the overview has the current session first, a few others, and the number of all`, async (t) => {
    const id = await stores.addUser('overview')
    const own = (await stores.sessions.begin({ id, ...byPassword }, device, later(-3000)))?.sessionId ?? ''
    await addSessions(id, 20)
    const { sessions, total } = await stores.sessionList.readOverview(id, own, now, 5)
    t.is(sessions[0]?.id, own)
    t.is(sessions.length, 5)
    t.is(total, 21)
    const pages = createPageSessions(stores.database, lifetimes, perUser)
    t.is((await pages.revokeOthers({ sessionId: own, userId: id }, later(-3000))).length, 20)
    t.is((await stores.sessionList.readOverview(id, own, later(-3000), 5)).total, 1)
  })
}

test(
  'GET /user/sessions answers a page and links the next one',
  appTest({ engine: quick, env: { AUTH_CORS_ORIGINS: 'https://app.test' } }, async (t, app) => {
    const mine = await app.signup('linked')
    for (let time = 0; time < 4; time++) {
      app.clock.advance(1)
      await app.login('linked')
    }
    const headers = { Authorization: `Bearer ${(mine as SessionBody).token}`, Origin: 'https://app.test' }
    const seen: string[] = []
    let path = '/user/sessions?limit=2'
    for (let page = 0; page < 3; page++) {
      const { status, body, headers: sent } = await app.get<{ id: string }[]>(path, headers)
      t.is(status, 200)
      t.is(body.length, page < 2 ? 2 : 1)
      seen.push(...body.map(({ id }) => id))
      t.true(sent.get('access-control-expose-headers')?.split(', ').includes('Link'))
      const link = /^<https:\/\/gateway\.test(\/user\/sessions\?[^>]+)>; rel="next"$/.exec(
        sent.get('link') ?? '',
      )
      t.is(link === null, page === 2)
      path = link?.[1] ?? ''
    }
    t.is(new Set(seen).size, 5)
    const all = await app.get<{ id: string }[]>('/user/sessions', headers)
    t.deepEqual(
      all.body.map(({ id }) => id),
      seen,
    )
    t.is(all.headers.get('link'), null)
  }),
)

test(
  'GET /user/sessions rejects a limit out of bounds and a position that it did not make',
  appTest({ engine: quick }, async (t, app) => {
    const headers = { Authorization: `Bearer ${(await app.signup('strict')).token}` }
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=-1',
      'limit=x',
      'limit=1&limit=2',
      'after=1',
      'after=x_y',
      'after=99999999999999999_907f0dc7-0000-4000-8000-000000000000',
      "after=1'--",
    ]) {
      const { status, body } = await app.get(`/user/sessions?${query}`, headers)
      t.is(status, 422, query)
      t.is(body.code, 'validation_failed')
    }
    t.is((await app.get('/user/sessions?limit=200', headers)).status, 200)
    const last = 'after=999999999999999_907f0dc7-0000-4000-8000-000000000000'
    t.is((await app.get(`/user/sessions?${last}`, headers)).status, 422)
  }),
)
