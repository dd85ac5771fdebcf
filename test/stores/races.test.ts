import { createHash } from 'node:crypto'
import { type Engine, engines } from '../_app.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { attemptAll, byPassword, later, now, openStores, type Stores } from './_stores.ts'

const device = { userAgent: null, address: null }

/** Rounds: on a server with many connections chance decides; the embedded database has one connection. */
const turns: Record<Engine, number> = { embedded: 5, server: rounds(15, 50) }

const hashOf = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  const begin = async (username: string) => {
    const id = await stores.addUser(username)
    const access = await stores.sessions.begin({ id, ...byPassword }, device, now)
    if (!access) throw new Error('no session began')
    return access
  }

  test(`${engine}: of twenty concurrent rotations of one refresh token exactly one succeeds`, async (t) => {
    const { sessionId } = await begin('anna')
    for (let round = 0; round < turns[engine]; round++) {
      const { values, codes } = await attemptAll(20, () => stores.sessions.rotate(sessionId, round, now))
      t.deepEqual(codes, [])
      t.deepEqual(
        values.flatMap((access) => (access ? [access.counter] : [])),
        [round + 1],
      )
    }
  })

  if (engine === 'server')
    test(`${engine}: a session whose begin waits for an unlinking does not begin`, async (t) => {
      const { sessions, sql, database } = stores
      const id = await stores.addUser('ida')
      await sql(`INSERT INTO identity (provider, subject, user_id) VALUES ('github', 'ida', $1)`, [id])
      const proven = { id, provider: 'github', subject: 'ida', amr: ['fed'] }
      t.not(await sessions.begin(proven, device, now), null)
      const waiting = await (await database.prisma()).$transaction(async (tx) => {
        const pids = await tx.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
        await tx.$queryRaw`SELECT 1 FROM "user" WHERE id = ${id}::uuid FOR UPDATE`
        await tx.identity.deleteMany({ where: { userId: id } })
        const begun = sessions.begin(proven, device, now)
        const blocked = 'SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
        await until(async () => (await sql(blocked, [pids[0]?.pid])).length > 0)
        return { begun }
      })
      t.is(await waiting.begun, null)
    })

  test(`${engine}: of twenty concurrent redemptions of one code exactly one gets the session`, async (t) => {
    const { sessionId } = await begin('bob')
    for (let round = 0; round < turns[engine]; round++) {
      const hash = hashOf(`code ${round}`)
      await stores.oneTimeCodes.createCode({ hash, sessionId, codeChallenge: null, expiresAt: later(60) })
      const { values, codes } = await attemptAll(20, () => stores.sessions.redeem(hash, null, now))
      t.deepEqual(codes, [])
      t.deepEqual(
        values.flatMap((access) => (access ? [access.sessionId] : [])),
        [sessionId],
      )
    }
  })

  test(`${engine}: of twenty concurrent uses of one state exactly one succeeds`, async (t) => {
    for (let round = 0; round < turns[engine]; round++) {
      const hash = hashOf(`state ${round}`)
      const { values, codes } = await attemptAll(20, () => stores.oneTimeCodes.consume(hash, later(600)))
      t.deepEqual(codes, [])
      t.is(values.filter(Boolean).length, 1)
    }
  })

  test(`${engine}: a session that ends while it is rotated returns null afterwards`, async (t) => {
    for (let round = 0; round < 5; round++) {
      const { sessionId, userId } = await begin(`carol-${round}`)
      await Promise.all([
        ...[0, 1, 2, 3].map((counter) => stores.sessions.rotate(sessionId, counter, now)),
        stores.sessions.revoke(sessionId, false, now),
      ])
      t.is(await stores.sessions.read(sessionId, userId, now), null)
      for (let counter = 0; counter < 5; counter++) {
        t.is(await stores.sessions.rotate(sessionId, counter, now), null)
      }
    }
  })
}
