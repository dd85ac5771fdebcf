import pg from 'pg'
import { createSessions } from '../../src/stores/sessions.ts'
import { createMigratedDatabase, engines } from '../_app.ts'
import test from '../_test.ts'
import { byPassword, later, lifetimes, now, openStores, perUser, type Stores } from './_stores.ts'

const device = { userAgent: null, address: null }

for (const engine of engines) {
  let url: string | undefined
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    url = engine === 'server' ? await createMigratedDatabase() : undefined
    stores = await openStores(engine, url)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  const begin = async (username: string) => {
    const id = await stores.addUser(username)
    const access = await stores.sessions.begin({ id, ...byPassword }, device, now)
    if (!access) throw new Error('no session began')
    return access.sessionId
  }

  /** Returns the sessions, and the names of their statements so far. */
  const watch = () => {
    const names: string[] = []
    const query: Stores['database']['query'] = (statement, values) => {
      names.push(statement.name)
      return stores.database.query(statement, values)
    }
    return { names, sessions: createSessions({ query }, lifetimes, perUser) }
  }

  test(`${engine}: rotations of one moment share a statement, and each gets its own session, time and client`, async (t) => {
    const ids = await Promise.all(['anna', 'bert', 'cleo'].map(begin))
    const { names, sessions } = watch()
    const rotated = await Promise.all(ids.map((id, at) => sessions.rotate(id, 0, later(at), `client ${at}`)))
    t.deepEqual(names, ['session_rotate'])
    t.deepEqual(
      rotated.map((access) => [access?.sessionId, access?.counter, access?.idleExpiresAt]),
      ids.map((id, at) => [id, 1, later(at + lifetimes.idle)]),
    )
    for (const [at, id] of ids.entries())
      t.deepEqual(await stores.sql('SELECT rotated_at, rotated_by FROM session WHERE id = $1', [id]), [
        { rotated_at: later(at), rotated_by: `client ${at}` },
      ])
  })

  test(`${engine}: a rotation that fails fails no other of its statement`, async (t) => {
    const [first, ended, last] = await Promise.all(['dora', 'emil', 'fred'].map(begin))
    await stores.sessions.revoke(ended as string, false, now)
    const { names, sessions } = watch()
    const rotated = await Promise.all([
      sessions.rotate(first as string, 7, now),
      sessions.rotate(first as string, 0, now),
      sessions.rotate(ended as string, 0, now),
      sessions.rotate(last as string, 0, now),
    ])
    t.deepEqual(
      rotated.map((access) => access?.sessionId),
      [undefined, first, undefined, last],
    )
    t.is(names.filter((name) => name === 'session_rotate').length, 1)
  })

  test(`${engine}: a row that a trigger of another program rejects fails no other rotation`, async (t) => {
    const [rejected, other] = await Promise.all(['ivan', 'jane'].map(begin))
    await stores.sql(
      `CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'rejected'; END $$`,
    )
    await stores.sql(
      `CREATE TRIGGER reject BEFORE UPDATE ON session FOR EACH ROW WHEN (OLD.id = '${rejected}') EXECUTE FUNCTION reject()`,
    )
    const rotations = [rejected, other].map((id) => stores.sessions.rotate(id as string, 0, now))
    const [failed, rotated] = await Promise.allSettled(rotations)
    t.is(failed?.status, 'rejected')
    t.is(rotated?.status === 'fulfilled' && rotated.value?.counter, 1)
  })

  if (engine === 'server')
    test(`${engine}: a locked session keeps no other session of its statement waiting`, async (t) => {
      const [locked, other] = await Promise.all(['gwen', 'hugo'].map(begin))
      const locker = new pg.Client(url)
      await locker.connect()
      t.teardown(() => locker.end())
      await locker.query('BEGIN')
      await locker.query('SELECT FROM session WHERE id = $1 FOR UPDATE', [locked])
      const waiting = stores.sessions.rotate(locked as string, 0, now)
      t.is((await stores.sessions.rotate(other as string, 0, now))?.counter, 1)
      await locker.query('COMMIT')
      t.is((await waiting)?.counter, 1)
    })
}
