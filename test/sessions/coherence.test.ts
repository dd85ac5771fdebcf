import fc from 'fast-check'
import pg from 'pg'
import { createDatabase } from '../../src/database/database.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { createMigratedDatabase, engines } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { type Relay, startRelay } from '../http/_relay.ts'
import { byPassword, openStores, type Stores } from '../stores/_stores.ts'
import { type Cached, essenceOf, openCached } from './_cached.ts'

// The current time, because the database sends no notification for sessions that ended long ago by its own clock.
const now = new Date()
const device = { userAgent: null, address: null }

/** The SQL statements of the writers for user `u`, role `r` and session `s` of a run. */
const changes: Record<string, string> = {
  grant: `INSERT INTO user_role (user_id, role_id) VALUES (:u, :r) ON CONFLICT DO NOTHING`,
  revoke: `DELETE FROM user_role WHERE user_id = :u AND role_id = :r`,
  hand: `UPDATE user_role SET user_id = :u WHERE user_id <> :u AND role_id = :r
    AND NOT EXISTS (SELECT 1 FROM user_role o WHERE o.user_id = :u AND o.role_id = :r)
    AND id = (SELECT min(id::text)::uuid FROM user_role f WHERE f.role_id = :r)`,
  'default role': `UPDATE "user" SET default_role_id = :r WHERE id = :u`,
  'no default role': `UPDATE "user" SET default_role_id = NULL WHERE id = :u`,
  claim: `INSERT INTO user_claim (user_id, name, value) VALUES (:u, 'n', to_jsonb(:n))
    ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value`,
  'no claim': `DELETE FROM user_claim WHERE user_id = :u`,
  'claim of all users': `UPDATE user_claim SET value = to_jsonb(:n)`,
  'new name': `UPDATE "user" SET username = 'user ' || :n WHERE id = :u`,
  'new name of a role': `UPDATE role SET name = 'role ' || :n WHERE id = :r`,
  'role deleted': `DELETE FROM role WHERE id = :r`,
  'role to all': `INSERT INTO user_role (user_id, role_id) SELECT id, :r FROM "user"
    WHERE EXISTS (SELECT 1 FROM role WHERE id = :r) ON CONFLICT DO NOTHING`,
  'no roles at all': `TRUNCATE user_role`,
  deactivate: `UPDATE "user" SET active = false WHERE id = :u`,
  activate: `UPDATE "user" SET active = true WHERE id = :u`,
  'password changed': `UPDATE "user" SET password = 'hash ' || :n WHERE id = :u`,
  'session revoked': `UPDATE session SET revoked_at = now() WHERE id = :s`,
  'sessions ended by epoch': `UPDATE "user" SET session_epoch = session_epoch + 1 WHERE id = :u`,
  'session revived': `UPDATE session SET revoked_at = NULL WHERE id = :s`,
  'session goes on': `UPDATE session SET counter = counter + 1 WHERE id = :s`,
  'session shortened': `UPDATE session SET idle_expires_at = now() - interval '1 hour' WHERE id = :s`,
  'session prolonged': `UPDATE session SET idle_expires_at = now() + interval '1 hour' WHERE id = :s`,
  'session deleted': `DELETE FROM session WHERE id = :s`,
  'user deleted': `DELETE FROM "user" WHERE id = :u`,
  'changed and rolled back': `DO $$ BEGIN
    UPDATE "user" SET active = NOT active; DELETE FROM user_role; DELETE FROM session;
    RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN END $$`,
}

const command = fc.record({
  what: fc.constantFrom(...Object.keys(changes)),
  user: fc.nat(2),
  role: fc.nat(2),
  session: fc.nat(4),
})

type Run = { users: string[]; roles: string[]; sessions: { id: string; userId: string }[] }

/** Creates three users with five sessions, and three roles, of which some are granted. */
async function prepare(stores: Stores): Promise<Run> {
  await stores.sql('TRUNCATE "user", role CASCADE')
  const users: string[] = []
  const sessions: Run['sessions'] = []
  for (const n of [0, 1, 2]) users.push(await stores.addUser(`first ${n}`))
  for (const userId of [0, 0, 1, 1, 2].map((n) => users[n] as string)) {
    const access = await stores.sessions.begin({ id: userId, ...byPassword }, device, now)
    sessions.push({ id: access?.sessionId as string, userId })
  }
  const text = `INSERT INTO role (name) VALUES ('a'), ('b'), ('c') RETURNING id`
  const roles = (await stores.sql<{ id: string }>(text)).map(({ id }) => id)
  await stores.sql('INSERT INTO user_role (user_id, role_id) VALUES ($1, $2)', [users[0], roles[0]])
  return { users, roles, sessions }
}

for (const engine of engines) {
  test.serial(
    `${engine}: after any changes by any client every answer has the state of the database`,
    async (t) => {
      const stores = await openStores(engine)
      t.teardown(stores.close)
      const cached = await openCached(stores.database)
      // A server gets the changes by another connection, as from psql, Hasura and other replicas.
      const write = await connectWriter(t, stores, engine === 'server')
      let number = 0
      const property = fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 12 }),
        async (commands) => {
          const run = await prepare(stores)
          await compare(t, cached, run, 'at first')
          for (const { what, user, role, session } of commands) {
            const values: Record<string, string> = {
              u: `'${run.users[user]}'::uuid`,
              r: `'${run.roles[role]}'::uuid`,
              s: `'${run.sessions[session]?.id}'::uuid`,
              n: `'${++number}'::text`,
            }
            const text = (changes[what] ?? '').replaceAll(
              /(?<!:):([ursn])\b/g,
              (_, name) => values[name] ?? '',
            )
            // A deleted role cannot be granted.
            await write(text).catch((error) => t.regex(String(error.message), /foreign key/, what))
            await compare(t, cached, run, what)
          }
        },
      )
      await fc.assert(property, { numRuns: 15 })
      const { hits, invalidations } = cached.cache.load()
      t.true(hits > 100, `it was the cache that answered, ${hits} times`)
      t.true(invalidations > 100)
    },
  )
}

async function connectWriter(t: ExecutionContext, stores: Stores, isServer: boolean) {
  if (!isServer) return (text: string) => stores.sql(text)
  const [row] = await stores.sql<{ name: string }>('SELECT current_database() AS name')
  return connectClient(t, row?.name ?? '')
}

async function connectClient(t: ExecutionContext, database: string) {
  const url = new URL(process.env.CLAIMGATE_TEST_POSTGRES ?? '')
  url.pathname = `/${database}`
  const client = new pg.Client(url.href)
  await client.connect()
  t.teardown(() => client.end())
  return (text: string) => client.query(text)
}

/** Reads every session twice, so that the second read is answered from the cache. */
async function compare(t: ExecutionContext, { cache, sessions }: Cached, run: Run, what: string) {
  for (const { id, userId } of run.sessions) {
    const truth = essenceOf(await sessions.read(id, userId, now))
    t.deepEqual(essenceOf(await cache.read(id, userId, now)), truth, what)
    t.deepEqual(essenceOf(await cache.read(id, userId, now)), truth, what)
  }
}

/** Interrupts the listening connection in each way, until the cache notices and recovers. */
async function disturb(relay: Relay, write: (text: string) => Promise<unknown>, cached: Cached) {
  const { cache, listening } = cached
  /** Waits until the connection is up and the cache has had hits. */
  const recover = async () => {
    const { hits } = cache.load()
    await until(() => listening.isUp() && cache.load().hits > hits + 50)
  }
  const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'claimgate listener' AND datname = current_database()`
  for (let round = 0; round < 3; round++) {
    await recover()
    await write(cut)
    await until(() => !listening.isUp())
    await recover()
    relay.swallow((hello) => hello.includes('claimgate listener'))
    await until(() => !listening.isUp())
  }
  await recover()
}

type Writing = { userId: string; sessionId: string; written: number }

/** Sets the claim of a user to the next number repeatedly. */
async function writeOn(write: (text: string) => Promise<unknown>, user: Writing, isOver: () => boolean) {
  while (!isOver()) {
    const next = user.written + 1
    await write(`UPDATE user_claim SET value = '${next}' WHERE user_id = '${user.userId}'`)
    user.written = next
  }
}

/** Reads repeatedly, and counts the answers that are older than the last write before the read. */
async function readOn({ cache }: Cached, users: Writing[], isOver: () => boolean) {
  let stale = 0
  for (let turn = 0; !isOver(); turn++) {
    const { sessionId, userId, written } = users[turn % users.length] as Writing
    const access = await cache.read(sessionId, userId, now)
    if (Number(access?.extraClaims.n) < written || access === null) stale++
  }
  return stale
}

async function addWriting(
  stores: Pick<Stores, 'sql'>,
  sessions: Cached['sessions'],
  name: string,
): Promise<Writing> {
  const [user] = await stores.sql<{ id: string }>(`INSERT INTO "user" (username) VALUES ($1) RETURNING id`, [
    name,
  ])
  const userId = user?.id ?? ''
  await stores.sql(`INSERT INTO user_claim (user_id, name, value) VALUES ($1, 'n', '0')`, [userId])
  const access = await sessions.begin({ id: userId, ...byPassword }, device, now)
  return { userId, sessionId: access?.sessionId ?? '', written: 0 }
}

if (engines.includes('server')) {
  test.serial('an answer waits for what is still on its way to the gateway', async (t) => {
    const url = await createMigratedDatabase()
    const relay = await startRelay(url)
    t.teardown(relay.cut)
    const database = createDatabase(connectServer(relay.url, () => {}, 10))
    t.teardown(() => database.close())
    const sql = <Row>(text: string, values: readonly unknown[] = []) =>
      database.query<Row>({ name: '', text }, values)
    const { cache, sessions } = await openCached(database)
    const user = await addWriting({ sql }, sessions, 'far away')
    const write = await connectClient(t, new URL(url).pathname.slice(1))
    relay.delay(50)
    for (let n = 1; n <= 5; n++) {
      await cache.read(user.sessionId, user.userId, now)
      await write(`UPDATE user_claim SET value = '${n}'`)
      t.is((await cache.read(user.sessionId, user.userId, now))?.extraClaims.n, String(n))
      t.is((await cache.read(user.sessionId, user.userId, now))?.extraClaims.n, String(n))
    }
    t.true(cache.load().hits > 0)
  })

  test.serial(
    'no answer is older than its question while others write and the listening connection is cut and goes silent',
    async (t) => {
      const url = await createMigratedDatabase()
      const relay = await startRelay(url)
      t.teardown(relay.cut)
      const database = createDatabase(connectServer(relay.url, () => {}, 2))
      t.teardown(() => database.close())
      const sql = <Row>(text: string, values: readonly unknown[] = []) =>
        database.query<Row>({ name: '', text }, values)
      const cached = await openCached(database)
      const users: Writing[] = []
      for (const n of [0, 1, 2, 3]) users.push(await addWriting({ sql }, cached.sessions, `user ${n}`))
      const name = new URL(url).pathname.slice(1)
      let isOver = false
      const over = () => isOver
      // Two users change all the time; the others rarely, so that the cache has hits.
      const writers = users.slice(0, 2).map(async (user) => writeOn(await connectClient(t, name), user, over))
      const readers = Array.from({ length: 8 }, () => readOn(cached, users, over))
      await disturb(relay, await connectClient(t, name), cached)
      isOver = true
      await Promise.all(writers)
      const stale = await Promise.all(readers)
      t.deepEqual(
        stale,
        stale.map(() => 0),
      )
      const { hits, invalidations } = cached.cache.load()
      t.true(hits > 7 * 50, `${hits} answers were remembered ones`)
      t.true(invalidations > 10)
      t.true(users.every(({ written }, n) => written > 0 === n < 2))
    },
  )
}
