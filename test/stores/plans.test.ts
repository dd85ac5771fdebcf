import pg from 'pg'
import { createImportTarget } from '../../src/stores/import-target.ts'
import { createPageSessions } from '../../src/stores/page-sessions.ts'
import { createProviderRoles } from '../../src/stores/provider-roles.ts'
import { createRateLimits } from '../../src/stores/rate-limit.ts'
import { createRoles } from '../../src/stores/roles.ts'
import { createSessionAdmin } from '../../src/stores/sessions.ts'
import { createUserAdmin, createUserClaims } from '../../src/stores/user-admin.ts'
import { createMigratedDatabase, engines } from '../_app.ts'
import test from '../_test.ts'
import { collectPlans, plansAsNotices } from './_plans.ts'
import { lifetimes, openStores, perUser, type Stores } from './_stores.ts'

const users = 20_000

/** Tables that stay small, and are read faster without an index. */
const small = ['role', 'signing_key']

// User 1 has ten thousand sessions, all others three. A fifth has ended.
const seed = `
  INSERT INTO role (name) SELECT 'role' || n FROM generate_series(0, 9) n;
  INSERT INTO "user" (username, password, email, email_verified)
    SELECT 'user' || n, 'hash', 'user' || n || '@example.com', true FROM generate_series(1, ${users}) n;
  UPDATE "user" SET default_role_id = (SELECT id FROM role WHERE name = 'role1') WHERE length(username) < 9;
  INSERT INTO user_role (user_id, role_id)
    SELECT u.id, r.id FROM "user" u, role r WHERE (substr(r.name, 5)::int + substr(u.username, 5)::int) % 3 = 0;
  INSERT INTO session (user_id, epoch, created_at, idle_expires_at, expires_at, provider, provider_sid)
    SELECT u.id, 0, now() - interval '3 days', now() + d, now() + d, 'github',
      'sid-' || substr(u.username, 5) || '-' || n
    FROM "user" u, generate_series(1, CASE u.username WHEN 'user1' THEN 10000 ELSE 3 END) n,
      LATERAL (SELECT CASE n % 5 WHEN 0 THEN interval '-2 days' ELSE interval '1 day' END) AS e (d);
  INSERT INTO identity (provider, subject, user_id) SELECT 'github', substr(username, 5), id FROM "user";
  INSERT INTO user_claim (user_id, name, value) SELECT id, 'org', '"a"' FROM "user";
  INSERT INTO authorization_code (hash, session_id, expires_at)
    SELECT sha256(id::text::bytea), id, now() + interval '1 day' FROM session LIMIT 20000;
  INSERT INTO oauth_state (hash, expires_at)
    SELECT sha256(n::text::bytea), now() FROM generate_series(1, 20000) n;
  INSERT INTO rate_limit (key, points, expire) SELECT 'login:' || n, 1, 0 FROM generate_series(1, 20000) n;
  ANALYZE`

/** Returns the URL of a database with many rows that explains its statements; null on a server without auto_explain. */
async function createLargeDatabase(): Promise<string | null> {
  const url = await createMigratedDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const canExplain = await client.query("LOAD 'auto_explain'").catch(() => null)
    if (canExplain === null) return null
    await client.query(seed)
    const name = pg.escapeIdentifier(new URL(url).pathname.slice(1))
    for (const [setting, value] of Object.entries(plansAsNotices))
      await client.query(`ALTER DATABASE ${name} SET ${setting} = ${pg.escapeLiteral(value)}`)
    return url
  } finally {
    await client.end()
  }
}

type Known = {
  id: string
  /** The user with ten thousand sessions. */
  crowdedId: string
  sessionId: string
  otherSessionId: string
  roleId: string
  now: Date
}

const device = { userAgent: null, address: null }
const hash = Buffer.from('hash')

/** The hot operations of the stores, each with the index that one of its statements must use, or with two. */
function operationsOf(stores: Stores, { id, crowdedId, sessionId, otherSessionId, roleId, now }: Known) {
  const { database, users, sessions, sessionList, oneTimeCodes, identities, sweep } = stores
  const admin = createUserAdmin(database)
  const roles = createRoles(database)
  const pages = createPageSessions(database, lifetimes, perUser)
  const linked = { provider: 'github', subject: '2', email: 'user2@example.com', emailVerified: true }
  const imported = {
    ...{ id, username: 'user2', password: null, email: 'user2@example.com', emailVerified: true },
    ...{ active: true, defaultRole: null, createdAt: null, roles: [], identities: [linked] },
  }
  const logout = {
    ...{ provider: 'github', subject: null, sid: null, hash: Buffer.from('logout') },
    ...{ before: now, expiresAt: now },
  }
  const proven = { id, provider: 'github', amr: ['fed'], subject: '2' }
  const rateLimits = createRateLimits(database)
  const operations: [string, string, () => Promise<unknown>][] = [
    ['login', 'user_username_key_unique', () => users.findCredentials('USER2')],
    [
      'count of a login',
      'rate_limit_pkey|user_username_key_unique',
      () => rateLimits.count([{ key: 'login:2', seconds: 60 }], 'USER2'),
    ],
    ['end of a login', 'rate_limit_pkey', () => rateLimits.settle({ keys: ['login:2'], forgotten: [] })],
    ['begin of a session', 'user_pkey', () => sessions.begin(proven, device, now)],
    [
      'begin of a session beside another',
      'user_pkey',
      () => pages.beginSecond({ sessionId, userId: id }, device, now, 600),
    ],
    ['/webhook', 'session_pkey', () => sessions.read(sessionId, id, now)],
    ['refresh', 'session_pkey', () => sessions.rotate(sessionId, 0, now, 'client')],
    ['repeated refresh', 'session_pkey', () => sessions.repeat(sessionId, 0, now, now)],
    ['late refresh', 'session_pkey', () => sessions.repeatLate(sessionId, 0, 'client', now)],
    ['reused refresh token', 'session_pkey', () => sessions.revokeReused(sessionId, 0, now, now)],
    ['step-up', 'session_pkey', () => sessions.stepUp(sessionId, proven, now)],
    ['code', 'authorization_code_pkey', () => sessions.redeem(hash, null, now)],
    ['replayed code', 'authorization_code_pkey', () => sessions.revokeReplayed(hash, null, now, now)],
    [
      'state of a provider',
      'session_pkey',
      () => oneTimeCodes.consume(hash, now).then(() => sessions.read(sessionId, id, now)),
    ],
    ['list of sessions', 'session_unrevoked_idx|session_user_id_idx', () => sessionList.read(id, now, 20)],
    ['end of other sessions', 'session_pkey', () => pages.revokeOthers({ sessionId, userId: id }, now)],
    ['log-out', 'session_pkey', () => sessions.revoke(otherSessionId, false, now)],
    ['log-out everywhere', 'session_pkey', () => sessions.revoke(sessionId, true, now)],
    ['end of a session', 'session_pkey', () => createSessionAdmin(database).revoke(sessionId, now)],
    ['new password', 'user_pkey', () => users.replaceHash(id, 'hash', 'other', '')],
    ['list of users', 'user_username_key_unique', () => admin.list(100, 'user5')],
    ['search for a user', 'user_username_key_unique', () => admin.find('USER5')],
    ['details of a user', 'identity_user_id_idx', () => admin.findDetails(id)],
    ['revoked role', 'user_role_user_id_role_id_key', () => roles.revoke([id], roleId)],
    ['granted role', 'user_pkey', () => roles.grant([id], roleId)],
    ['users by name or id', 'user_username_key_unique', () => admin.findMany(['user5', id])],
    ['deleted user', 'user_pkey', () => admin.delete('00000000-0000-4000-8000-000000000000')],
    ['claim', 'user_claim_pkey', () => createUserClaims(database).remove(id, 'org')],
    ['sign-in through a provider', 'identity_pkey', () => identities.findOrCreate(linked, [], true, now)],
    [
      'first sign-in through a provider',
      'user_verified_email_unique',
      () =>
        identities.findOrCreate({ ...linked, subject: 'new', email: 'new@example.com' }, ['new'], true, now),
    ],
    [
      'roles of a provider',
      'user_role_user_id_role_id_key',
      () => createProviderRoles(database).set(id, linked, ['role1', 'role2']),
    ],
    ['unlinked provider', 'identity_user_id_idx', () => identities.unlink('github', id, sessionId, now)],
    ['conflicts of an import', 'identity_pkey', () => createImportTarget(database.query).read([imported])],
    ['deactivation', 'session_unrevoked_idx', () => admin.setActive(id, false)],
    [
      'deactivation of a user with many sessions',
      'session_unrevoked_idx',
      () => admin.setActive(crowdedId, false),
    ],
    ['deleted user', 'session_user_id_idx', () => admin.delete(id)],
    [
      'logout at a provider',
      'session_unrevoked_idx|session_user_id_idx',
      () => sessions.endByProvider({ ...logout, subject: '3' }, now),
    ],
    [
      'logout of a session at a provider',
      'session_provider_sid_idx',
      () => sessions.endByProvider({ ...logout, sid: 'sid-4-1' }, now),
    ],
    ['sweep', 'session_unrevoked_idx', () => sweep(now)],
  ]
  return operations
}

if (engines.includes('server')) {
  test('server: no hot statement reads or sorts a whole table, nor does a trigger or a foreign key', async (t) => {
    const url = await createLargeDatabase()
    if (url === null) return t.pass('skipped: the server has no auto_explain, or only for another user')
    const stores = await openStores('server', url)
    const plans = collectPlans()
    t.teardown(async () => {
      plans.stop()
      await stores.close()
    })
    const [known] = await stores.sql<Omit<Known, 'now'>>(
      `SELECT u.id, c.id AS "crowdedId", s.ids[1] AS "sessionId", s.ids[2] AS "otherSessionId", r.id AS "roleId"
       FROM {user} u, {user} c, {role} r,
         LATERAL (SELECT array_agg(id) AS ids FROM {session} WHERE user_id = u.id) s
       WHERE u.username = 'user2' AND c.username = 'user1' AND r.name = 'role1'`,
    )
    for (const [name, index, work] of operationsOf(stores, { ...(known as Known), now: new Date() })) {
      const found = await plans.of(work)
      const used = found.flatMap(({ indexes }) => indexes)
      t.true(
        index.split('|').some((each) => used.includes(each)),
        `${name}: no statement uses ${index}, only ${used}`,
      )
      for (const { text, scanned, gathered } of found) {
        t.deepEqual(
          scanned.filter((table) => !small.includes(table)),
          [],
          `${name}: ${text}`,
        )
        t.true(gathered < users / 2, `${name} sorts or hashes ${gathered} rows: ${text}`)
      }
    }
  })
}
