import { engines } from '../_app.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { byPassword, later, now, openStores, type Stores } from '../stores/_stores.ts'

const channel = 'claimgate_access'
const device = { userAgent: null, address: null }

for (const engine of engines) {
  let stores: Stores
  const told: string[] = []
  let isCaughtUp: () => Promise<boolean>

  test.serial.before(`${engine}: start`, async () => {
    stores = await openStores(engine)
    let isUp = false
    const subscription = stores.database.listen(channel, {
      onMessage: (message) => told.push(message),
      onDisconnect: () => {},
      onReconnect: () => {
        isUp = true
      },
    })
    isCaughtUp = subscription.isCaughtUp
    await until(() => isUp)
  })
  test.after.always(`${engine}: stop`, () => stores?.close())

  /** Returns the notifications of some work, each once, sorted. */
  async function toldOf(work: () => Promise<unknown>): Promise<string[]> {
    await isCaughtUp()
    told.length = 0
    await work()
    if (!(await isCaughtUp())) throw new Error('the connection does not listen')
    return [...told].sort()
  }

  async function addSession(userId: string): Promise<string> {
    const access = await stores.sessions.begin({ id: userId, ...byPassword }, device, now)
    return access?.sessionId ?? ''
  }

  test.serial(
    `${engine}: sign-up, login, refresh, one-time codes and rehashing send no notification`,
    async (t) => {
      const messages = await toldOf(async () => {
        const id = await stores.addUser('quiet')
        const session = await addSession(id)
        t.truthy(await stores.sessions.rotate(session, 0, later(1)))
        t.truthy(await stores.sessions.repeat(session, 0, now, later(2)))
        t.is(await stores.sessionList.count(id, now), 1)
        await stores.oneTimeCodes.createCode({
          hash: new Uint8Array([1]),
          sessionId: session,
          codeChallenge: null,
          expiresAt: later(60),
        })
        t.truthy(await stores.sessions.redeem(new Uint8Array([1]), null, later(3)))
        t.true(await stores.users.replaceHash(id, 'hash', 'better hash', 'all'))
        await stores.sql(`UPDATE "user" SET email = 'quiet@example.com' WHERE id = $1`, [id])
      })
      t.deepEqual(messages, [])
    },
  )

  test.serial(
    `${engine}: sweeping old ended sessions sends no notification, deleting an active session does`,
    async (t) => {
      const id = await stores.addUser('swept')
      const end = async (session: string, at: string) =>
        stores.sql(`UPDATE session SET idle_expires_at = ${at}, expires_at = ${at} WHERE id = $1`, [session])
      const session = await addSession(id)
      await end(session, `now() + interval '1 day'`)
      t.deepEqual(await toldOf(() => end(session, `now() - interval '2 days'`)), [id])
      t.deepEqual(await toldOf(() => stores.sweep(new Date())), [])
      t.is(await stores.sessionList.count(id, now), 0)
      const living = await addSession(id)
      await end(living, `now() + interval '1 day'`)
      t.deepEqual(await toldOf(() => stores.sql('DELETE FROM session WHERE id = $1', [living])), [id])
    },
  )

  test.serial(`${engine}: whatever changes what a user may do names the user`, async (t) => {
    const id = await stores.addUser('named')
    const other = await stores.addUser('other')
    const session = await addSession(id)
    await stores.sql(`INSERT INTO role (name) VALUES ('editor'), ('writer')`)
    const role = `(SELECT id FROM role WHERE name = 'editor')`
    for (const [text, whom] of [
      [`INSERT INTO user_role (user_id, role_id) SELECT $1, ${role}`, [id]],
      [`UPDATE user_role SET role_id = (SELECT id FROM role WHERE name = 'writer') WHERE user_id = $1`, [id]],
      [`UPDATE user_role SET user_id = '${other}' WHERE user_id = $1`, [id, other]],
      [`UPDATE user_role SET user_id = $1 WHERE user_id = '${other}'`, [id, other]],
      [`DELETE FROM user_role WHERE user_id = $1`, [id]],
      [`INSERT INTO user_claim (user_id, name, value) VALUES ($1, 'org', '1')`, [id]],
      [`UPDATE user_claim SET value = '2' WHERE user_id = $1`, [id]],
      [`DELETE FROM user_claim WHERE user_id = $1`, [id]],
      [`UPDATE "user" SET default_role_id = ${role} WHERE id = $1`, [id]],
      [`UPDATE "user" SET username = 'renamed' WHERE id = $1`, [id]],
      [`UPDATE session SET expires_at = expires_at - interval '1 second' WHERE user_id = $1`, [id]],
      [`UPDATE session SET idle_expires_at = idle_expires_at - interval '1 second' WHERE user_id = $1`, [id]],
      [`UPDATE session SET idle_expires_at = idle_expires_at + interval '1 second' WHERE user_id = $1`, []],
      [`UPDATE session SET user_id = '${other}' WHERE user_id = $1`, [id, other]],
      [`UPDATE session SET user_id = $1 WHERE user_id = '${other}'`, [id, other]],
      [`UPDATE session SET revoked_at = now() WHERE user_id = $1`, [id]],
      [`UPDATE session SET revoked_at = NULL WHERE user_id = $1`, [id]],
      [`UPDATE session SET epoch = epoch + 1 WHERE user_id = $1`, [id]],
      [`UPDATE "user" SET session_epoch = session_epoch + 1 WHERE id = $1`, [id]],
      [`UPDATE "user" SET active = false WHERE id = $1`, [id]],
      [`UPDATE "user" SET active = true WHERE id = $1`, [id]],
      [`DELETE FROM "user" WHERE id = $1`, [id]],
      [`DELETE FROM "user" WHERE id = $1 AND false`, []],
    ] as const)
      t.deepEqual([...new Set(await toldOf(() => stores.sql(text, [id])))], [...whom].sort(), text)
    t.truthy(session)
  })

  test.serial(`${engine}: what ends a session names its user`, async (t) => {
    const id = await stores.addUser('ending')
    const own = await addSession(id)
    t.deepEqual(await toldOf(() => stores.sessions.revokeOwn(own, id, now)), [id])
    const [one, two] = [await addSession(id), await addSession(id)]
    t.deepEqual(await toldOf(() => stores.sessions.revoke(one, false, now)), [id])
    t.deepEqual(await toldOf(() => stores.sessions.revoke(two, true, now)), [id])
    const reused = await addSession(id)
    await stores.sessions.rotate(reused, 0, now)
    await stores.sessions.rotate(reused, 1, now)
    t.deepEqual(await toldOf(() => stores.sessions.revokeReused(reused, 0, later(9), later(10))), [id])
    await addSession(id)
    t.deepEqual(await toldOf(() => stores.users.replaceHash(id, 'hash', 'another', '')), [id])
  })

  test.serial(
    `${engine}: the end of many sessions of a user names that user once, and no other user`,
    async (t) => {
      const id = await stores.addUser('hoarder')
      const addMany = () =>
        stores.sql(
          `INSERT INTO session (user_id, idle_expires_at, expires_at)
         SELECT $1, $2, $2 FROM generate_series(1, 300)`,
          [id, later(60)],
        )
      for (const text of [
        `UPDATE session SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL`,
        `UPDATE "user" SET password = 'other' WHERE id = $1`,
        `UPDATE "user" SET session_epoch = session_epoch + 1 WHERE id = $1`,
        `DELETE FROM session WHERE user_id = $1`,
        `UPDATE "user" SET active = false WHERE id = $1`,
      ]) {
        await addMany()
        await stores.sql(
          `UPDATE session SET idle_expires_at = 'infinity', expires_at = 'infinity' WHERE revoked_at IS NULL`,
        )
        t.deepEqual(await toldOf(() => stores.sql(text, [id])), [id], text)
      }
    },
  )

  test.serial(
    `${engine}: a renamed role notifies about all users, a deleted role about the users who had it`,
    async (t) => {
      const [holder, byDefault] = [await stores.addUser('holder'), await stores.addUser('by-default')]
      await stores.sql(`INSERT INTO role (name) VALUES ('baker')`)
      const role = `(SELECT id FROM role WHERE name = 'baker')`
      await stores.sql(`INSERT INTO user_role (user_id, role_id) SELECT $1, ${role}`, [holder])
      await stores.sql(`UPDATE "user" SET default_role_id = ${role} WHERE id = $1`, [byDefault])
      t.deepEqual(await toldOf(() => stores.sql(`UPDATE role SET name = name`)), [])
      t.deepEqual(
        await toldOf(() => stores.sql(`DELETE FROM role WHERE name = 'baker'`)),
        [holder, byDefault].sort(),
      )
      t.deepEqual(await toldOf(() => stores.sql(`UPDATE role SET name = name || '2'`)), [''])
    },
  )

  test.serial(
    `${engine}: a change of very many rows sends few notifications, and TRUNCATE sends one`,
    async (t) => {
      await stores.sql(`INSERT INTO "user" (username) SELECT 'many' || n FROM generate_series(1, 3000) n`)
      await stores.sql(`INSERT INTO role (name) VALUES ('mass')`)
      const grantAll = `INSERT INTO user_role (user_id, role_id) SELECT u.id, r.id FROM "user" u, role r
      WHERE u.username LIKE 'many%' AND r.name = 'mass'`
      const messages = await toldOf(() => stores.sql(grantAll))
      t.is(messages.length, 101)
      t.is(messages[0], '')
      for (const table of ['user_role', 'user_claim', 'session'])
        t.deepEqual(await toldOf(() => stores.sql(`TRUNCATE ${table} CASCADE`)), [''], table)
      t.deepEqual(await toldOf(() => stores.sql(`TRUNCATE role CASCADE`)), [''])
      t.deepEqual(await toldOf(() => stores.sql(`TRUNCATE "user" CASCADE`)), [''])
    },
  )

  test.serial(
    `${engine}: a transaction sends notifications when it commits; a rolled back one sends none`,
    async (t) => {
      const [kept, undone] = [await stores.addUser('kept'), await stores.addUser('undone')]
      const set = (id: string) => `INSERT INTO user_claim (user_id, name, value) VALUES ('${id}', 'x', '1')`
      const script = (end: string) => `DO $$ BEGIN
      ${set(kept)};
      BEGIN ${set(undone)}; RAISE EXCEPTION 'no'; EXCEPTION WHEN raise_exception THEN END;
      ${end} END $$`
      t.deepEqual(await toldOf(() => stores.sql(script(''))), [kept])
      await stores.sql('DELETE FROM user_claim')
      const failing = () => t.throwsAsync(stores.sql(script(`RAISE EXCEPTION 'no';`)))
      t.deepEqual(await toldOf(failing), [])
    },
  )

  test.serial(`${engine}: rows that arrive by replication tell too`, async (t) => {
    const id = await stores.addUser('replicated')
    const replicate = `DO $$ BEGIN
      SET LOCAL session_replication_role = replica;
      INSERT INTO user_claim (user_id, name, value) VALUES ('${id}', 'x', '1'); END $$`
    t.deepEqual(await toldOf(() => stores.sql(replicate)), [id])
    await stores.sql(`INSERT INTO role (name) VALUES ('carver')`)
    // Foreign keys delete no rows then, and an answer would keep the role.
    const alone = `DO $$ BEGIN
      SET LOCAL session_replication_role = replica;
      DELETE FROM role WHERE name = 'carver'; END $$`
    t.deepEqual(await toldOf(() => stores.sql(alone)), [''])
  })

  test.serial(
    `${engine}: user_claims_version changes with roles, claims, active and default role, and with nothing else`,
    async (t) => {
      const [id, other] = [await stores.addUser('versioned'), await stores.addUser('beside')]
      await addSession(id)
      await stores.sql(`INSERT INTO role (name) VALUES ('painter')`)
      const role = `(SELECT id FROM role WHERE name LIKE 'painter%')`
      const versions = async () => {
        const text = 'SELECT user_id, version FROM user_claims_version'
        const rows = await stores.sql<{ user_id: string; version: string }>(text)
        return new Map(rows.map(({ user_id, version }) => [user_id, version]))
      }
      const seen = new Set<string>()
      for (const [text, changes] of [
        [`UPDATE "user" SET email = 'v@example.com', password = 'other' WHERE id = $1`, false],
        [`UPDATE session SET counter = counter + 1 WHERE user_id = $1`, false],
        [`INSERT INTO user_role (user_id, role_id) SELECT $1, ${role}`, true],
        [`UPDATE role SET name = 'painter2' WHERE name = 'painter' AND $1::uuid IS NOT NULL`, true],
        [`UPDATE "user" SET default_role_id = ${role} WHERE id = $1`, true],
        [`INSERT INTO user_claim (user_id, name, value) VALUES ($1, 'org', '1')`, true],
        [`UPDATE user_claim SET value = '"1"' WHERE user_id = $1`, true],
        [`UPDATE user_claim SET name = 'org2' WHERE user_id = $1`, true],
        [`UPDATE "user" SET active = false WHERE id = $1`, true],
      ] as const) {
        const before = await versions()
        seen.add(before.get(id) ?? '')
        await stores.sql(text, [id])
        const after = await versions()
        t.is(after.get(id) !== before.get(id), changes, text)
        t.is(seen.has(after.get(id) ?? ''), !changes, text)
        t.is(after.get(other), before.get(other), text)
      }
      await stores.sql('DELETE FROM user_claim WHERE user_id = $1', [id])
      await stores.sql('DELETE FROM user_role WHERE user_id = $1', [id])
      await stores.sql('UPDATE "user" SET active = true, default_role_id = NULL WHERE id = $1', [id])
      const end = await versions()
      t.true(seen.has(end.get(id) ?? ''), 'what is as it was before has the version that it had')
    },
  )
}
