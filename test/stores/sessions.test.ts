import { randomUUID } from 'node:crypto'
import { engines } from '../_app.ts'
import test from '../_test.ts'
import { byPassword, later, lifetimes, now, openStores, type Stores } from './_stores.ts'

const device = { userAgent: 'curl', address: '192.0.2.1' }

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  const begin = async (userId: string) => {
    const access = await stores.sessions.begin({ id: userId, ...byPassword }, device, now)
    if (!access) throw new Error('no session began')
    return access
  }

  test(`${engine}: a session begins with the current roles and claims of its user`, async (t) => {
    const { sql, sessions } = stores
    const id = await stores.addUser('anna')
    await sql(`INSERT INTO role (name) VALUES ('editor'), ('chief')`)
    await sql(`INSERT INTO user_role (user_id, role_id) SELECT $1, id FROM role WHERE name = 'editor'`, [id])
    await sql(
      `UPDATE "user" SET default_role_id = (SELECT id FROM role WHERE name = 'chief') WHERE id = $1`,
      [id],
    )
    await sql(`INSERT INTO user_claim (user_id, name, value) VALUES ($1, 'teams', '["a", "b"]')`, [id])
    const access = await begin(id)
    t.like(access, {
      counter: 0,
      userId: id,
      username: 'anna',
      defaultRole: 'chief',
      roles: ['editor'],
      extraClaims: { teams: '["a", "b"]' },
      idleExpiresAt: later(lifetimes.idle),
      expiresAt: later(lifetimes.absolute),
    })
    await sql('DELETE FROM user_role WHERE user_id = $1', [id])
    t.deepEqual((await sessions.read(access.sessionId, id, now))?.roles, [])
  })

  test(`${engine}: no unknown or inactive user begins, reads or rotates a session`, async (t) => {
    const { sql, sessions } = stores
    t.is(await sessions.begin({ id: randomUUID(), ...byPassword }, device, now), null)
    const id = await stores.addUser('bob')
    const { sessionId } = await begin(id)
    await sql('UPDATE "user" SET active = false WHERE id = $1', [id])
    t.is(await sessions.begin({ id, ...byPassword }, device, now), null)
    t.is(await sessions.read(sessionId, id, now), null)
    t.is(await sessions.rotate(sessionId, 0, now), null)
    t.deepEqual(await sql('SELECT counter FROM session WHERE id = $1', [sessionId]), [{ counter: 0 }])
  })

  test(`${engine}: a session is read only by its user, and only until it has been idle too long`, async (t) => {
    const { sessions } = stores
    const [id, other] = [await stores.addUser('carol'), await stores.addUser('caroline')]
    const { sessionId } = await begin(id)
    t.is((await sessions.read(sessionId, id, later(lifetimes.idle - 1)))?.userId, id)
    t.is(await sessions.read(sessionId, id, later(lifetimes.idle)), null)
    t.is(await sessions.read(sessionId, other, now), null)
  })

  test(`${engine}: a rotation moves the counter and the idle end, but never beyond the end of the session`, async (t) => {
    const { sessions } = stores
    const { sessionId } = await begin(await stores.addUser('dora'))
    const first = await sessions.rotate(sessionId, 0, later(1_000))
    t.like(first, {
      counter: 1,
      idleExpiresAt: later(1_000 + lifetimes.idle),
      expiresAt: later(lifetimes.absolute),
    })
    t.is(await sessions.rotate(sessionId, 2, later(1_000)), null)
    let at = 1_000
    for (let counter = 1; at + lifetimes.idle < lifetimes.absolute; counter++) {
      at += lifetimes.idle - 1
      t.is((await sessions.rotate(sessionId, counter, later(at)))?.counter, counter + 1)
    }
    const [row] = await stores.sql('SELECT idle_expires_at, expires_at FROM session WHERE id = $1', [
      sessionId,
    ])
    t.deepEqual(row, { idle_expires_at: later(lifetimes.absolute), expires_at: later(lifetimes.absolute) })
  })

  test(`${engine}: ending one session leaves the others, ending everywhere leaves none, and a second call succeeds`, async (t) => {
    const { sessions, sql } = stores
    const id = await stores.addUser('erin')
    const [one, two, three] = [await begin(id), await begin(id), await begin(id)]
    const bystander = await begin(await stores.addUser('erik'))
    await sessions.revoke(one.sessionId, false, now)
    t.is(await sessions.read(one.sessionId, id, now), null)
    t.is(await sessions.rotate(one.sessionId, 0, now), null)
    t.truthy(await sessions.read(two.sessionId, id, now))
    await sessions.revoke(one.sessionId, true, later(60))
    t.truthy(await sessions.read(two.sessionId, id, now))
    await sessions.revoke(two.sessionId, true, later(60))
    for (const { sessionId } of [one, two, three]) t.is(await sessions.read(sessionId, id, now), null)
    t.truthy(await sessions.read(bystander.sessionId, bystander.userId, now))
    const [first] = await sql('SELECT revoked_at, revoked_reason FROM session WHERE id = $1', [one.sessionId])
    t.deepEqual(first, { revoked_at: now, revoked_reason: 'logout' })
    await t.notThrowsAsync(sessions.revoke(randomUUID(), true, now))
  })

  test(`${engine}: deleting a user deletes all rows of the user`, async (t) => {
    const { sql } = stores
    const id = await stores.addUser('frank')
    const { sessionId } = await begin(id)
    await stores.oneTimeCodes.createCode({
      hash: new Uint8Array(32),
      sessionId,
      codeChallenge: null,
      expiresAt: later(60),
    })
    await sql(`INSERT INTO identity (provider, subject, user_id) VALUES ('github', 'frank', $1)`, [id])
    await sql(`INSERT INTO user_claim (user_id, name, value) VALUES ($1, 'team', '1')`, [id])
    await sql(`INSERT INTO role (name) VALUES ('frank')`)
    await sql(`INSERT INTO user_role (user_id, role_id) SELECT $1, id FROM role WHERE name = 'frank'`, [id])
    await sql('DELETE FROM "user" WHERE id = $1', [id])
    for (const table of ['session', 'identity', 'user_claim', 'user_role']) {
      t.deepEqual(await sql(`SELECT 1 FROM ${table} WHERE user_id = $1`, [id]), [], table)
    }
    t.deepEqual(await sql('SELECT 1 FROM authorization_code WHERE session_id = $1', [sessionId]), [])
    t.is((await sql(`SELECT 1 FROM role WHERE name = 'frank'`)).length, 1)
  })
}
