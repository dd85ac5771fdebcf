import type { ActiveSession, ProvenUser } from '../context.ts'
import type { Database } from '../database/database.ts'
import { parseAccess, selectAccess } from './access.ts'

/** The client of a sign-in, as it is stored with the session. */
export type Device = { userAgent: string | null; address: string | null }

/** Lifetimes in seconds: `idle` without a refresh, and `absolute` since the sign-in. A session ends with the first. */
export type SessionLifetimes = { idle: number; absolute: number }

/**
 * The SQL condition of a valid session: `s` is its row, `u` the row of its user, and $1 the time. A statement that has
 * waited for a lock may know an earlier epoch of the user than of a session that stays, hence no equality.
 */
export const living =
  's.user_id = u.id AND s.epoch >= u.session_epoch AND s.revoked_at IS NULL AND s.idle_expires_at > $1 AND s.expires_at > $1'

/** The time of the last authentication; a row that another program inserted may have none. */
export const authTime = 'coalesce(s.auth_time, s.created_at)'

/** The columns of a session that `selectAccess` needs. */
export const columns = `s.id, s.user_id, s.counter, s.idle_expires_at, s.expires_at,
  ${authTime} AS auth_time, coalesce(s.amr, '{}') AS amr, s.level`

/** The SQL condition, always true, that makes a trigger end the least recently used sessions beyond a number. */
export const capped = (number: string) =>
  `set_config('claimgate.sessions_per_user', ${number}, true) IS NOT NULL`

/** The SQL condition, always true, that names the reason for the end of all sessions of a user to a trigger. */
export const endedBy = (reason: string) => `set_config('claimgate.end_reason', '${reason}', true) IS NOT NULL`

// The locks put this statement in order with a change of the user and with an unlinking, which end the user's sessions,
// and with other sessions that begin. All lock the user first.
const begin = {
  name: 'session_begin',
  text: selectAccess(`u AS MATERIALIZED (
    SELECT id FROM "user"
    WHERE id = $1 AND active AND ($7::text IS NULL OR password = $7) AND ${capped('$11')} FOR NO KEY UPDATE),
  i AS MATERIALIZED (
    SELECT 1 FROM identity WHERE provider = $9 AND subject = $10 AND user_id = (SELECT id FROM u) FOR SHARE),
  s AS (
    INSERT INTO session AS s (user_id, created_at, auth_time, idle_expires_at, expires_at, user_agent, address, amr, provider)
    SELECT u.id, $2, $2, $3, $4, $5, $6, $8, $9 FROM u WHERE $10::text IS NULL OR EXISTS (SELECT 1 FROM i)
    RETURNING ${columns})`),
}

const read = {
  name: 'session_read',
  text: selectAccess(
    `s AS (SELECT ${columns} FROM session s, "user" u WHERE s.id = $2 AND s.user_id = $3 AND ${living})`,
  ),
}

const rotate = {
  name: 'session_rotate',
  text: selectAccess(`s AS (
    UPDATE session s SET counter = s.counter + 1, rotated_at = $1, idle_expires_at = least($4, s.expires_at)
    FROM "user" u
    WHERE s.id = $2 AND s.counter = $3 AND ${living} AND u.active
    RETURNING ${columns})`),
}

const stepUp = {
  name: 'session_step_up',
  text: selectAccess(`s AS (
    UPDATE session s SET counter = s.counter + 1, rotated_at = $1, idle_expires_at = least($4, s.expires_at), auth_time = $1,
      amr = coalesce(s.amr, '{}') || ARRAY(SELECT m FROM unnest($5::text[]) m WHERE m <> ALL (coalesce(s.amr, '{}')))
    FROM "user" u
    WHERE s.id = $2 AND s.user_id = $3 AND ${living} AND u.active
      AND ($6::text IS NULL OR u.password = $6)
    RETURNING ${columns})`),
}

const repeat = {
  name: 'session_repeat',
  text: selectAccess(`s AS (
    SELECT ${columns} FROM session s, "user" u
    WHERE s.id = $2 AND s.counter = $3 + 1 AND s.rotated_at > $4 AND ${living})`),
}

const revokeReused = {
  name: 'session_revoke_reused',
  text: `UPDATE session SET revoked_at = $1, revoked_reason = 'reuse'
    WHERE id = $2 AND revoked_at IS NULL AND counter > $3 AND NOT (counter = $3 + 1 AND rotated_at > $4)
    RETURNING user_id AS "userId"`,
}

const redeem = {
  name: 'session_redeem_code',
  text: selectAccess(`code AS (
    UPDATE authorization_code SET consumed_at = $1
    WHERE hash = $2 AND consumed_at IS NULL AND expires_at > $1
    RETURNING session_id, code_challenge),
  s AS (
    UPDATE session s SET idle_expires_at = least($4, s.expires_at)
    FROM code, "user" u
    WHERE s.id = code.session_id AND code.code_challenge IS NOT DISTINCT FROM $3 AND ${living}
    RETURNING ${columns})`),
}

const revokeReplayed = {
  name: 'session_revoke_replayed',
  text: `UPDATE session s SET revoked_at = $1, revoked_reason = 'code_reuse'
    FROM authorization_code c, "user" u
    WHERE c.hash = $2 AND c.code_challenge IS NOT DISTINCT FROM $3 AND c.consumed_at < $4 AND c.expires_at > $1
      AND s.id = c.session_id AND ${living}
    RETURNING s.id AS "sessionId", s.user_id AS "userId"`,
}

const revokeOwn = {
  name: 'session_revoke_own',
  text: `UPDATE session s SET revoked_at = $1, revoked_reason = 'user'
    FROM "user" u WHERE s.id = $2 AND s.user_id = $3 AND ${living} RETURNING true`,
}

// Both locks, because a session that stays in a new epoch is another row than the statement has seen.
const revokeEverywhere = {
  name: 'session_revoke_everywhere',
  text: `WITH own AS (SELECT u.id FROM "user" u, session s WHERE s.id = $2 AND ${living} FOR NO KEY UPDATE)
    UPDATE "user" u SET session_epoch = u.session_epoch + 1
    FROM own WHERE u.id = own.id AND ${endedBy('logout_everywhere')}`,
}

const revokeByAdministrator = {
  name: 'session_revoke_by_administrator',
  text: `UPDATE session s SET revoked_at = $1, revoked_reason = 'administrator'
    FROM "user" u WHERE s.id = $2 AND ${living} RETURNING true`,
}

const revokeAllByAdministrator = {
  name: 'session_revoke_all_by_administrator',
  text: `UPDATE "user" u SET session_epoch = u.session_epoch + 1
    WHERE u.id = $1 AND ${endedBy('administrator')}`,
}

/** Returns a whole second, like token times. So a session can issue a token that lives a second until its end. */
export function after(now: Date, seconds: number): Date {
  return new Date((Math.floor(now.getTime() / 1000) + seconds) * 1000)
}

export type Sessions = ReturnType<typeof createSessions>

/**
 * The `session` table. What answers an `ActiveSession` is one statement that also reads the user's roles and claims as they are
 * at that moment, and answers null when there is no session that may act, or its user is not active.
 */
export function createSessions(
  { prisma, query }: Pick<Database, 'prisma' | 'query'>,
  lifetimes: SessionLifetimes,
  perUser: number,
) {
  return {
    /**
     * Starts a session for an authenticated user. After a sign-in by password, `passwordHash` must still be the user's
     * hash; after one through a provider, `subject` must still be linked. `idle` is in seconds, the configured idle
     * lifetime by default. Of more than `perUser` sessions the least recently used one ends.
     */
    begin: async (
      { id, provider, amr, passwordHash, subject }: ProvenUser,
      device: Device,
      now: Date,
      idle: number = lifetimes.idle,
    ): Promise<ActiveSession | null> =>
      parseAccess(
        await query(begin, [
          id,
          now,
          after(now, Math.min(idle, lifetimes.absolute)),
          after(now, lifetimes.absolute),
          device.userAgent,
          device.address,
          passwordHash ?? null,
          amr,
          provider,
          subject ?? null,
          String(perUser),
        ]),
      ),

    /** Reads a session that is neither revoked nor expired. */
    read: async (sessionId: string, userId: string, now: Date): Promise<ActiveSession | null> =>
      parseAccess(await query(read, [now, sessionId, userId])),

    /** Moves the refresh token of a session on by one, if `counter` is the current one. */
    rotate: async (sessionId: string, counter: number, now: Date): Promise<ActiveSession | null> =>
      parseAccess(await query(rotate, [now, sessionId, counter, after(now, lifetimes.idle)])),

    /**
     * Makes an authentication the last one of a session of its user, and moves the refresh token on by one. After a
     * password, `passwordHash` must still be the user's hash.
     */
    stepUp: async (
      sessionId: string,
      { id, amr, passwordHash }: ProvenUser,
      now: Date,
    ): Promise<ActiveSession | null> =>
      parseAccess(
        await query(stepUp, [now, sessionId, id, after(now, lifetimes.idle), amr, passwordHash ?? null]),
      ),

    /** The same successor again for the token before the current one, if it was rotated after `since`. */
    repeat: async (
      sessionId: string,
      counter: number,
      since: Date,
      now: Date,
    ): Promise<ActiveSession | null> => parseAccess(await query(repeat, [now, sessionId, counter, since])),

    /**
     * Ends a session when its refresh token `counter` was rotated before `since` or more than once. Returns the user's
     * id, or null when no session was ended.
     */
    revokeReused: async (
      sessionId: string,
      counter: number,
      since: Date,
      now: Date,
    ): Promise<string | null> =>
      (await query<{ userId: string }>(revokeReused, [now, sessionId, counter, since]))[0]?.userId ?? null,

    /** Spends a one-time code. It is spent even when the code challenge is not the one that it was bound to. */
    redeem: async (
      codeHash: Uint8Array,
      codeChallenge: string | null,
      now: Date,
    ): Promise<ActiveSession | null> =>
      parseAccess(await query(redeem, [now, codeHash, codeChallenge, after(now, lifetimes.idle)])),

    /**
     * Ends the session of an unexpired one-time code that was spent before `since`. Returns the session, or null when no
     * session was ended.
     */
    revokeReplayed: async (
      codeHash: Uint8Array,
      codeChallenge: string | null,
      since: Date,
      now: Date,
    ): Promise<Pick<ActiveSession, 'sessionId' | 'userId'> | null> =>
      (
        await query<Pick<ActiveSession, 'sessionId' | 'userId'>>(revokeReplayed, [
          now,
          codeHash,
          codeChallenge,
          since,
        ])
      )[0] ?? null,

    /** Ends one valid session of a user; false when no session has the id. */
    revokeOwn: async (sessionId: string, userId: string, now: Date): Promise<boolean> =>
      (await query(revokeOwn, [now, sessionId, userId])).length === 1,

    /**
     * Ends one session, or with `everywhere` all sessions of its user, whatever their number. An ended session ends no
     * other session, and the call succeeds.
     */
    revoke: async (sessionId: string, everywhere: boolean, now: Date): Promise<void> => {
      if (everywhere) await query(revokeEverywhere, [now, sessionId])
      else
        await prisma.session.updateMany({
          where: { id: sessionId, revokedAt: null },
          data: { revokedAt: now, revokedReason: 'logout' },
        })
    },
  }
}

/** The `session` table as an administrator changes it: gateways see it at the next request. */
export function createSessionAdmin({ query }: Pick<Database, 'query'>) {
  return {
    /** Ends one valid session; false when no valid session has the id. */
    revoke: async (id: string, now: Date): Promise<boolean> =>
      (await query(revokeByAdministrator, [now, id])).length === 1,

    /** Ends all sessions of a user, whatever their number. */
    revokeAll: async (userId: string): Promise<void> =>
      void (await query(revokeAllByAdministrator, [userId])),
  }
}
