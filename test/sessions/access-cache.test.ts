import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ActiveSession } from '../../src/context.ts'
import { type Changed, createAccessCache } from '../../src/sessions/access-cache.ts'
import test from '../_test.ts'

const now = new Date('2026-01-01T12:00:00Z')
const after = (seconds: number) => new Date(now.getTime() + seconds * 1000)

const accessOf = (sessionId: string, userId: string): ActiveSession => ({
  sessionId,
  userId,
  counter: 0,
  idleExpiresAt: after(60),
  expiresAt: after(120),
  authTime: now,
  amr: ['pwd'],
  level: 1,
  username: userId,
  emailVerified: false,
  defaultRole: null,
  roles: [],
  extraClaims: {},
})

/** Creates a cache over a fake database that the test controls. */
function stage(capacity = 1_000_000) {
  const state = {
    reads: 0,
    isCaughtUp: true,
    isUp: true,
    changed: (() => {}) as Changed,
    read: async (sessionId: string, userId: string): Promise<ActiveSession | null> =>
      accessOf(sessionId, userId),
  }
  const cache = createAccessCache(
    (sessionId, userId) => {
      state.reads++
      return state.read(sessionId, userId)
    },
    (changed) => {
      state.changed = changed
      return { isCaughtUp: async () => state.isCaughtUp, isUp: () => state.isUp }
    },
    capacity,
  )
  return { state, cache }
}

test('a session is read once, until a notification for its user or for all users', async (t) => {
  const { state, cache } = stage()
  const first = await cache.read('s', 'ada', now)
  t.is(await cache.read('s', 'ada', now), first)
  state.changed('bob')
  t.is(await cache.read('s', 'ada', now), first)
  t.is(state.reads, 1)
  state.changed('ada')
  await cache.read('s', 'ada', now)
  t.is(state.reads, 2)
  state.changed(null)
  await cache.read('s', 'ada', now)
  t.is(state.reads, 3)
  t.like(cache.load(), { hits: 2, misses: 3, invalidations: 2, size: 1 })
})

test('a change of a user removes all of their sessions, and no session of another user', async (t) => {
  const { state, cache } = stage()
  for (const [session, user] of [
    ['a1', 'ada'],
    ['a2', 'ada'],
    ['b1', 'bob'],
  ] as const)
    await cache.read(session, user, now)
  state.changed('ada')
  t.is(cache.load().size, 1)
  t.is(cache.load().invalidations, 2)
  await cache.read('b1', 'bob', now)
  t.is(state.reads, 3)
})

test('a read that a change overtakes is answered and not cached', async (t) => {
  for (const change of ['ada', null]) {
    const { state, cache } = stage()
    let finish: (access: ActiveSession) => void = () => {}
    state.read = () =>
      new Promise((resolve) => {
        finish = resolve
      })
    const begun = cache.read('s', 'ada', now)
    state.changed(change)
    finish(accessOf('s', 'ada'))
    t.is((await begun)?.userId, 'ada')
    t.is(cache.load().size, 0)
  }
})

test('a cached session is returned only when no notification is pending', async (t) => {
  const { state, cache } = stage()
  await cache.read('s', 'ada', now)
  state.isCaughtUp = false
  await cache.read('s', 'ada', now)
  t.is(state.reads, 2)
})

test('a notification during the check for pending ones counts', async (t) => {
  const { state, cache } = stage()
  await cache.read('s', 'ada', now)
  const second = cache.read('s', 'ada', now)
  state.changed('ada')
  await second
  t.is(state.reads, 2)
})

test('without change notifications nothing is cached', async (t) => {
  const { state, cache } = stage()
  state.isUp = false
  await cache.read('s', 'ada', now)
  t.is(cache.load().size, 0)
  t.false(cache.load().isListening)
})

test('a session that does not exist is asked for every time, and so is one that failed', async (t) => {
  const { state, cache } = stage()
  state.read = async () => null
  t.is(await cache.read('s', 'ada', now), null)
  t.is(await cache.read('s', 'ada', now), null)
  t.is(state.reads, 2)
  state.read = async () => {
    throw new Error('away')
  }
  await t.throwsAsync(cache.read('s', 'ada', now), { message: 'away' })
  await t.throwsAsync(cache.read('s', 'ada', now), { message: 'away' })
})

test('a cached session is returned only for its user', async (t) => {
  const { state, cache } = stage()
  await cache.read('s', 'ada', now)
  state.read = async () => null
  t.is(await cache.read('s', 'bob', now), null)
})

test('at the moment at which a remembered session would expire, the database is asked whether it went on', async (t) => {
  const { state, cache } = stage()
  await cache.read('s', 'ada', now)
  await cache.read('s', 'ada', after(59))
  t.is(state.reads, 1)
  state.read = async () => ({ ...accessOf('s', 'ada'), idleExpiresAt: after(90) })
  await cache.read('s', 'ada', after(60))
  await cache.read('s', 'ada', after(89))
  t.is(state.reads, 2)
  state.read = async () => null
  t.is(await cache.read('s', 'ada', after(90)), null)
})

test('a remembered session expires when either of its times comes', async (t) => {
  const { state, cache } = stage()
  state.read = async () => ({ ...accessOf('s', 'ada'), expiresAt: after(30) })
  await cache.read('s', 'ada', now)
  state.read = async () => null
  t.not(await cache.read('s', 'ada', after(29)), null)
  t.is(await cache.read('s', 'ada', after(30)), null)
})

test('no more is kept than there is room for, and what goes leaves nothing behind', async (t) => {
  const size = JSON.stringify(accessOf('s0', 'ada')).length
  const { state, cache } = stage(size * 3)
  for (let n = 0; n < 9; n++) await cache.read(`s${n}`, 'ada', now)
  t.is(cache.load().size, 3)
  await cache.read('s8', 'ada', now)
  t.is(state.reads, 9)
  await cache.read('s0', 'ada', now)
  t.is(state.reads, 10)
  state.changed('ada')
  t.like(cache.load(), { size: 0, invalidations: 3 })
})

test('a session that is too large to remember is read every time', async (t) => {
  const { state, cache } = stage(100)
  await cache.read('s', 'ada', now)
  await cache.read('s', 'ada', now)
  t.is(state.reads, 2)
  state.changed('ada')
  t.is(cache.load().invalidations, 0)
})

test('sessions that come and go take no memory along', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const { cache } = stage(1_000)
  const pass = async (name: string) => {
    for (let n = 0; n < 50_000; n++) await cache.read(`${name} ${n}`, 'ada', now)
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await pass('first')
  t.true((await pass('second')) - before < 1_000_000)
})
