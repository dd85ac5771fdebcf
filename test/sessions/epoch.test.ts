import { createPageSessions } from '../../src/stores/page-sessions.ts'
import { mostSessions } from '../../src/stores/session-list.ts'
import { createSessionAdmin, createSessions } from '../../src/stores/sessions.ts'
import { createUserAdmin } from '../../src/stores/user-admin.ts'
import { engines } from '../_app.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { byPassword, later, lifetimes, now, openStores, perUser, type Stores } from '../stores/_stores.ts'

const device = { userAgent: null, address: null }

/** More sessions than are marked as ended at once. */
const many = 1_050

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  const begin = async (userId: string) => {
    const access = await createSessions(stores.database, lifetimes, 10_000).begin(
      { id: userId, ...byPassword },
      device,
      now,
    )
    if (!access) throw new Error('no session began')
    return access
  }
  const addMany = (userId: string) =>
    stores.sql(
      `INSERT INTO session (user_id, created_at, idle_expires_at, expires_at)
       SELECT $1, $2, $3, $3 FROM generate_series(1, ${many})`,
      [userId, later(-60), later(600)],
    )
  const countUnmarked = async (userId: string) =>
    (
      await stores.sql<{ n: number }>(
        'SELECT count(*)::int AS n FROM session WHERE user_id = $1 AND revoked_at IS NULL',
        [userId],
      )
    )[0]?.n

  type Own = { id: string; sessionId: string }
  const endings: Record<string, { end: (own: Own) => Promise<unknown>; reason: string; keeps?: true }> = {
    'log-out everywhere': {
      end: ({ sessionId }) => stores.sessions.revoke(sessionId, true, now),
      reason: 'logout_everywhere',
    },
    'a new password': {
      end: ({ id }) => stores.users.replaceHash(id, 'hash', 'other', ''),
      reason: 'password_changed',
    },
    'a new password of the user': {
      end: ({ id, sessionId }) => stores.users.replaceHash(id, 'hash', 'other', sessionId),
      reason: 'password_changed',
      keeps: true,
    },
    'the end of all other sessions': {
      end: ({ id, sessionId }) =>
        createPageSessions(stores.database, lifetimes, perUser).revokeOthers({ sessionId, userId: id }, now),
      reason: 'user',
      keeps: true,
    },
    'session revoke --all': {
      end: ({ id }) => createSessionAdmin(stores.database).revokeAll(id),
      reason: 'administrator',
    },
    'user deactivate': {
      end: async ({ id }) => {
        await createUserAdmin(stores.database).setActive(id, false)
        await createUserAdmin(stores.database).setActive(id, true)
      },
      reason: 'user_deactivated',
    },
    'a new epoch by SQL': {
      end: ({ id }) => stores.sql('UPDATE "user" SET session_epoch = session_epoch + 1 WHERE id = $1', [id]),
      reason: 'all_ended',
    },
  }
  for (const [name, { end, reason, keeps = false }] of Object.entries(endings)) {
    test.serial(`${engine}: ${name} ends more sessions than are marked, and marks the newest`, async (t) => {
      const { sessions, sessionList, sql } = stores
      const id = await stores.addUser(name)
      await addMany(id)
      const own = await begin(id)
      const other = await begin(id)
      const bystander = await begin(await stores.addUser(`beside ${name}`))
      await end({ id, sessionId: own.sessionId })
      t.is((await sessions.read(own.sessionId, id, now)) !== null, keeps)
      t.is(await sessions.read(other.sessionId, id, now), null)
      t.is(await sessions.rotate(other.sessionId, 0, now), null)
      t.is(await sessionList.count(id, now), keeps ? 1 : 0)
      t.deepEqual((await sessionList.read(id, now, 10)).sessions.length, keeps ? 1 : 0)
      const [marked] = await sql('SELECT revoked_reason AS reason FROM session WHERE id = $1', [
        other.sessionId,
      ])
      t.is(marked?.reason, reason)
      const unmarked = (await countUnmarked(id)) ?? 0
      t.true(unmarked > 0 && unmarked < many, `${unmarked} unmarked`)
      t.truthy(await sessions.read(bystander.sessionId, bystander.userId, now))
      t.truthy(await sessions.read((await begin(id)).sessionId, id, now), 'the next session is valid')
    })
  }

  test(`${engine}: a session that the previous version begins has the epoch of its user, and its end counts`, async (t) => {
    const { sessions, sql } = stores
    const id = await stores.addUser('previous')
    for (let time = 0; time < 3; time++) await createSessionAdmin(stores.database).revokeAll(id)
    const [row] = await sql<{ id: string }>(
      'INSERT INTO session (user_id, idle_expires_at, expires_at) VALUES ($1, $2, $2) RETURNING id',
      [id, later(60)],
    )
    const sessionId = row?.id as string
    t.truthy(await sessions.read(sessionId, id, now))
    await sql('UPDATE session SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL', [id])
    t.is(await sessions.read(sessionId, id, now), null)
  })

  test(`${engine}: no statement brings ended sessions back by an earlier epoch`, async (t) => {
    const { sessions, sql } = stores
    const id = await stores.addUser('no-way-back')
    await addMany(id)
    await createSessionAdmin(stores.database).revokeAll(id)
    const own = await begin(id)
    await sql('UPDATE "user" SET session_epoch = 0 WHERE id = $1', [id])
    t.is(await stores.sessionList.count(id, now), 0)
    t.is(await sessions.read(own.sessionId, id, now), null)
  })

  test(`${engine}: a rehashed password ends no session`, async (t) => {
    const id = await stores.addUser('rehashed')
    const own = await begin(id)
    t.true(await stores.users.replaceHash(id, 'hash', 'better', 'all'))
    t.truthy(await stores.sessions.read(own.sessionId, id, now))
  })

  test(`${engine}: an ended session ends no other session by log-out everywhere`, async (t) => {
    const id = await stores.addUser('ended')
    await addMany(id)
    const old = await begin(id)
    await createSessionAdmin(stores.database).revokeAll(id)
    const own = await begin(id)
    await stores.sessions.revoke(old.sessionId, true, now)
    t.truthy(await stores.sessions.read(own.sessionId, id, now))
  })

  if (engine === 'server') {
    /** Runs `within` in an open transaction that has changed the password and kept a session, then commits. */
    async function changePassword(own: Own, within: () => Promise<void>): Promise<void> {
      await (await stores.database.prisma()).$transaction(async (tx) => {
        await tx.$executeRawUnsafe(`SELECT set_config('claimgate.keep_session', '${own.sessionId}', true)`)
        await tx.$executeRawUnsafe(`UPDATE "user" SET password = 'new' WHERE id = '${own.id}'`)
        await within()
      })
    }
    const waitUntilLocked = async () => {
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      await until(async () => (await stores.sql(waiting)).length > 0)
    }

    test.serial(
      'server: a refresh that meets a change of password keeps the session that changes it',
      async (t) => {
        const id = await stores.addUser('refreshing')
        const { sessionId } = await begin(id)
        let refresh: Promise<{ counter: number } | null> = Promise.resolve(null)
        await changePassword({ id, sessionId }, async () => {
          refresh = stores.sessions.rotate(sessionId, 0, now)
          await waitUntilLocked()
        })
        t.is((await refresh)?.counter, 1)
        t.truthy(await stores.sessions.read(sessionId, id, now))
      },
    )

    test.serial(
      'server: log-out everywhere that meets a change of password ends the kept session too',
      async (t) => {
        const id = await stores.addUser('leaving')
        const { sessionId } = await begin(id)
        let logout: Promise<unknown> = Promise.resolve()
        await changePassword({ id, sessionId }, async () => {
          logout = stores.sessions.revoke(sessionId, true, now)
          await waitUntilLocked()
        })
        await logout
        t.is(await stores.sessions.read(sessionId, id, now), null)
      },
    )

    test.serial(
      'server: unlinking a provider ends all sessions of the provider, whatever their number',
      async (t) => {
        const id = await stores.addUser('unlinking')
        await stores.sql(`INSERT INTO identity (provider, subject, user_id) VALUES ('github', 'x', $1)`, [id])
        await stores.sql(
          `INSERT INTO session (user_id, created_at, idle_expires_at, expires_at, provider)
         SELECT $1, $2, $3, $3, 'github' FROM generate_series(1, ${mostSessions + 50})`,
          [id, later(-60), later(600)],
        )
        const own = await stores.sql<{ id: string }>('SELECT id FROM session WHERE user_id = $1 LIMIT 1', [
          id,
        ])
        t.true(await stores.identities.unlink('github', id, own[0]?.id ?? '', now))
        const { sessions } = await stores.sessionList.read(id, now, 10)
        t.deepEqual(
          sessions.map((session) => session.id),
          own.map((row) => row.id),
        )
      },
    )

    test.serial(
      'server: a session row that another transaction holds delays no end of all sessions',
      async (t) => {
        const id = await stores.addUser('held')
        const held = await begin(id)
        const own = await begin(id)
        await (await stores.database.prisma()).$transaction(async (tx) => {
          await tx.$queryRawUnsafe(`SELECT id FROM session WHERE id = '${held.sessionId}' FOR UPDATE`)
          await stores.sessions.revoke(own.sessionId, true, now)
          t.is(await stores.sessions.read(held.sessionId, id, now), null)
          t.true(await createUserAdmin(stores.database).setActive(id, false))
        })
        t.is(await stores.sessions.read(held.sessionId, id, now), null)
      },
    )
  }
}
