import type { Database } from '../../src/database/database.ts'
import { translateFailure } from '../../src/database/failures.ts'
import { createSessionAdmin } from '../../src/stores/sessions.ts'
import { createSweep } from '../../src/stores/sweep.ts'
import { createUserAdmin } from '../../src/stores/user-admin.ts'
import { engines } from '../_app.ts'
import test from '../_test.ts'
import { later, now, openStores, type Stores } from './_stores.ts'

const day = 86_400
const tables = ['authorization_code', 'oauth_state', 'rate_limit', 'session']

for (const engine of engines) {
  let stores: Stores
  test.serial.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())
  test.serial.beforeEach(`${engine}: empty`, () =>
    stores.sql('TRUNCATE "user", oauth_state, rate_limit CASCADE'),
  )

  const addSessions = async (userId: string, number: number, end: Date) =>
    stores.sql(
      `INSERT INTO session (user_id, created_at, idle_expires_at, expires_at)
       SELECT $1, $2, $3, $3 FROM generate_series(1, ${number})`,
      [userId, later(-2 * day), end],
    )
  const addStates = (number: number, end: Date) =>
    stores.sql(
      `INSERT INTO oauth_state (hash, expires_at)
       SELECT sha256(gen_random_uuid()::text::bytea), $1 FROM generate_series(1, ${number})`,
      [end],
    )
  const addCounters = (number: number, end: Date) =>
    stores.sql(
      `INSERT INTO rate_limit (key, points, expire) SELECT gen_random_uuid()::text, 1, $1 FROM generate_series(1, ${number})`,
      [end.getTime()],
    )
  const addCodes = (number: number, end: Date) =>
    stores.sql(
      `INSERT INTO authorization_code (hash, session_id, expires_at)
       SELECT sha256(gen_random_uuid()::text::bytea), (SELECT id FROM session LIMIT 1), $1 FROM generate_series(1, ${number})`,
      [end],
    )
  const count = async () => {
    const numbers: Record<string, number> = {}
    for (const table of tables)
      numbers[table] =
        (await stores.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0]?.n ?? -1
    return numbers
  }
  /** Returns queries that call `before` with the number of rows of each batch. */
  const watched = (before: (size: number, name: string) => void): Pick<Database, 'query'> => ({
    query: async (statement, values) => {
      before(values[1] as number, statement.name)
      return stores.database.query(statement, values)
    },
  })

  test.serial(
    `${engine}: a sweep deletes every expired row of every table, in batches, and no other row`,
    async (t) => {
      const id = await stores.addUser('swept')
      await addSessions(id, 2_500, later(-day - 1))
      await addSessions(id, 5, later(-day + 1))
      await addStates(1_000, later(-1))
      await addStates(3, later(1))
      await addCounters(1_500, later(-1))
      await addCounters(4, later(1))
      const kept = await stores.sql<{ id: string }>('SELECT id FROM session WHERE idle_expires_at > $1', [
        later(-day),
      ])
      for (const end of [later(-1), later(1)])
        await stores.sql(
          `INSERT INTO authorization_code (hash, session_id, expires_at)
         SELECT sha256(gen_random_uuid()::text::bytea), $1, $2 FROM generate_series(1, 7)`,
          [kept[0]?.id, end],
        )
      const sizes: number[] = []
      t.is(await createSweep(watched((size) => sizes.push(size)))(now), 2_500 + 1_000 + 1_500 + 7)
      t.deepEqual(await count(), { authorization_code: 7, oauth_state: 3, rate_limit: 4, session: 5 })
      t.true(Math.max(...sizes) <= 1_000)
      t.is(await stores.sweep(now), 0)
    },
  )

  test.serial(`${engine}: batches that take too long become smaller until the sweep succeeds`, async (t) => {
    await addStates(300, later(-1))
    const sizes: number[] = []
    const slow = watched((size) => {
      sizes.push(size)
      if (size > 40) throw translateFailure(Object.assign(new Error('cancelled'), { code: '57014' }))
    })
    t.is(await createSweep(slow)(now), 300)
    t.true(sizes.length > 8)
    t.is((await count()).oauth_state, 0)
  })

  test.serial(`${engine}: a table that cannot be swept keeps no other table from it`, async (t) => {
    await addStates(10, later(-1))
    await addCounters(10, later(-1))
    const failing = watched((_size, name) => {
      if (name.includes('oauth_state')) throw new Error('broken')
    })
    await t.throwsAsync(createSweep(failing)(now), { message: 'broken' })
    t.like(await count(), { oauth_state: 10, rate_limit: 0 })
  })

  test.serial(`${engine}: a sweep ends between two batches when the process stops`, async (t) => {
    await addStates(2_500, later(-1))
    const stopping = new AbortController()
    const watching = watched((_size, name) => {
      if (name.includes('oauth_state')) stopping.abort()
    })
    await createSweep(watching)(now, stopping.signal)
    t.is((await count()).oauth_state, 1_500)
  })

  test.serial(
    `${engine}: sessions of an earlier epoch without a time of their end go at once, revoked ones a day after it`,
    async (t) => {
      const id = await stores.addUser('former')
      await addSessions(id, 1_100, later(9 * day))
      await createSessionAdmin(stores.database).revokeAll(id)
      await addSessions(id, 2, later(9 * day))
      await stores.sql(
        `UPDATE session SET revoked_at = $1 WHERE id = (SELECT id FROM session WHERE revoked_at IS NULL AND epoch = 1 LIMIT 1)`,
        [later(-day - 1)],
      )
      // The thousand that have the time of their end stay, and one living session.
      t.is(await stores.sweep(now), 101)
      t.is((await count()).session, 1_001)
      t.is(await stores.sessionList.count(id, now), 1)
    },
  )

  test.serial(`${engine}: a user with very many sessions can be deleted`, async (t) => {
    const id = await stores.addUser('deleted')
    await addSessions(id, 2_100, later(day))
    await addCodes(3, later(day))
    t.true(await createUserAdmin(stores.database).delete(id))
    t.deepEqual(await count(), { authorization_code: 0, oauth_state: 0, rate_limit: 0, session: 0 })
    t.false(await createUserAdmin(stores.database).delete(id))
  })

  if (engine === 'server')
    test.serial('server: a row that another transaction holds does not stop the sweep', async (t) => {
      const id = await stores.addUser('holding')
      await addSessions(id, 20, later(-2 * day))
      await (await stores.database.prisma()).$transaction(async (tx) => {
        await tx.$queryRawUnsafe('SELECT id FROM session LIMIT 1 FOR UPDATE')
        t.is(await stores.sweep(now), 19)
      })
      t.is(await stores.sweep(now), 1)
    })
}
