import type { ActiveSession, ProvenUser } from '../context.ts'
import type { Database } from '../database/database.ts'
import { columns, living, parseAccess, selectAccess } from './access.ts'
import { createProviderSessions } from './provider-sessions.ts'
import { createSessionReads } from './session-read.ts'
import { type ClientKind, createReuse } from './session-reuse.ts'
import { createRotate } from './session-rotate.ts'

/** The client of a sign-in, as it is stored with the session. */
export type Device = {
  userAgent: string | null
  address: string | null
  /** The origin of the app that the session is for, or of the pages; null when it is not known. */
  app?: string | null
}

/** Lifetimes in seconds: `idle` without a refresh, and `absolute` since the sign-in. A session ends with the first. */
export type SessionLifetimes = { idle: number; absolute: number }

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
    SELECT id FROM {user}
    WHERE id = $1 AND active AND ($7::text IS NULL OR password = $7) AND ${capped('$11')} FOR NO KEY UPDATE),
  i AS MATERIALIZED (
    SELECT 1 FROM {identity} WHERE provider = $9 AND subject = $10 AND user_id = (SELECT id FROM u) FOR SHARE),
  s AS (
    INSERT INTO {session} AS s (user_id, created_at, auth_time, idle_expires_at, expires_at, user_agent, address, amr, provider, app,
      provider_sid)
    SELECT u.id, $2, $2, $3, $4, $5, $6, $8, $9, $12, $13 FROM u WHERE $10::text IS NULL OR EXISTS (SELECT 1 FROM i)
    RETURNING ${columns})`),
}

// Without the kind of the client, the new refresh token is not sent again late: a thief of the one before would get a
// fresh authentication.
const stepUp = {
  name: 'session_step_up',
  text: selectAccess(`s AS (
    UPDATE {session} s SET counter = s.counter + 1, rotated_at = $1, rotated_by = NULL,
      idle_expires_at = least($4, s.expires_at), auth_time = $1,
      amr = coalesce(s.amr, '{}') || ARRAY(SELECT m FROM unnest($5::text[]) m WHERE m <> ALL (coalesce(s.amr, '{}'))),
      provider_sid = CASE WHEN s.provider = $7::text THEN coalesce($8::text, s.provider_sid) ELSE s.provider_sid END
    FROM {user} u
    WHERE s.id = $2 AND s.user_id = $3 AND ${living} AND u.active
      AND ($6::text IS NULL OR u.password = $6)
    RETURNING ${columns})`),
}

const redeem = {
  name: 'session_redeem_code',
  text: selectAccess(`code AS (
    UPDATE {authorization_code} SET consumed_at = $1
    WHERE hash = $2 AND consumed_at IS NULL AND expires_at > $1
    RETURNING session_id, code_challenge),
  s AS (
    UPDATE {session} s SET idle_expires_at = least($4, s.expires_at)
    FROM code, {user} u
    WHERE s.id = code.session_id AND code.code_challenge IS NOT DISTINCT FROM $3 AND ${living}
    RETURNING ${columns})`),
}

const revokeOwn = {
  name: 'session_revoke_own',
  text: `UPDATE {session} s SET revoked_at = $1, revoked_reason = 'user'
    FROM {user} u WHERE s.id = $2 AND s.user_id = $3 AND ${living} RETURNING true`,
}

const revoke = {
  name: 'session_revoke',
  text: `UPDATE {session} SET revoked_at = $1, revoked_reason = 'logout'
    WHERE id = $2 AND revoked_at IS NULL RETURNING true`,
}

// Both locks, because a session that stays in a new epoch is another row than the statement has seen.
const revokeEverywhere = {
  name: 'session_revoke_everywhere',
  text: `WITH own AS (SELECT u.id FROM {user} u, {session} s WHERE s.id = $2 AND ${living} FOR NO KEY UPDATE)
    UPDATE {user} u SET session_epoch = u.session_epoch + 1
    FROM own WHERE u.id = own.id AND ${endedBy('logout_everywhere')}`,
}

const revokeByAdministrator = {
  name: 'session_revoke_by_administrator',
  text: `UPDATE {session} s SET revoked_at = $1, revoked_reason = 'administrator'
    FROM {user} u WHERE s.id = $2 AND ${living} RETURNING true`,
}

const revokeAllByAdministrator = {
  name: 'session_revoke_all_by_administrator',
  text: `UPDATE {user} u SET session_epoch = u.session_epoch + 1
    WHERE u.id = $1 AND ${endedBy('administrator')}`,
}

// Users in the order of their ids, so that two such statements cannot wait for each other.
const revokeEverybody = {
  name: 'session_revoke_everybody',
  text: `WITH batch AS MATERIALIZED (
      SELECT id FROM {user} WHERE $1::uuid IS NULL OR id > $1::uuid ORDER BY id LIMIT 1000 FOR NO KEY UPDATE)
    UPDATE {user} u SET session_epoch = u.session_epoch + 1
    FROM batch WHERE u.id = batch.id AND ${endedBy('administrator')} RETURNING u.id`,
}

/** Returns a whole second, like token times. So a session can issue a token that lives a second until its end. */
export function after(now: Date, seconds: number): Date {
  return new Date((Math.floor(now.getTime() / 1000) + seconds) * 1000)
}

export type Sessions = ReturnType<typeof createSessions>

/** The methods whose statements lock a row. */
export const lockingMethods = [
  'begin',
  'rotate',
  'stepUp',
  'repeatLate',
  'revokeReused',
  'redeem',
  'revokeReplayed',
  'revokeOwn',
  'revoke',
] as const satisfies readonly (keyof Sessions)[]

/**
 * The `session` table. What answers an `ActiveSession` is one statement that also reads the user's roles and claims as they are
 * at that moment, and answers null when there is no session that may act, or its user is not active.
 */
export function createSessions(
  { query }: Pick<Database, 'query'>,
  lifetimes: SessionLifetimes,
  perUser: number,
) {
  const rotate = createRotate(query)
  return {
    ...createSessionReads(query),
    ...createReuse(query),
    ...createProviderSessions(query),

    /**
     * Starts a session for an authenticated user. After a sign-in by password, `passwordHash` must still be the user's
     * hash; after one through a provider, `subject` must still be linked. `idle` is in seconds, the configured idle
     * lifetime by default. Of more than `perUser` sessions the least recently used one ends.
     */
    begin: async (
      { id, provider, amr, passwordHash, subject, providerSid }: ProvenUser,
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
          device.app ?? null,
          providerSid ?? null,
        ]),
      ),

    /** Moves the refresh token of a session on by one for a client, if `counter` is the current one. */
    rotate: (
      sessionId: string,
      counter: number,
      now: Date,
      client: ClientKind = null,
    ): Promise<ActiveSession | null> =>
      rotate({ sessionId, counter, now, idleExpiresAt: after(now, lifetimes.idle), client }),

    /**
     * Makes an authentication the last one of a session of its user, and moves the refresh token on by one. After a
     * password, `passwordHash` must still be the user's hash. `repeatLate` does not answer with its refresh token. After
     * one at the provider of the session, the session belongs to the new session there.
     */
    stepUp: async (
      sessionId: string,
      { id, provider, amr, passwordHash, providerSid }: ProvenUser,
      now: Date,
    ): Promise<ActiveSession | null> =>
      parseAccess(
        await query(stepUp, [
          now,
          sessionId,
          id,
          after(now, lifetimes.idle),
          amr,
          passwordHash ?? null,
          provider,
          providerSid ?? null,
        ]),
      ),

    /** Spends a one-time code. It is spent even when the code challenge is not the one that it was bound to. */
    redeem: async (
      codeHash: Uint8Array,
      codeChallenge: string | null,
      now: Date,
    ): Promise<ActiveSession | null> =>
      parseAccess(await query(redeem, [now, codeHash, codeChallenge, after(now, lifetimes.idle)])),

    /** Ends one valid session of a user; false when no session has the id. */
    revokeOwn: async (sessionId: string, userId: string, now: Date): Promise<boolean> =>
      (await query(revokeOwn, [now, sessionId, userId])).length === 1,

    /**
     * Ends one session, or with `everywhere` all sessions of its user, whatever their number. An ended session ends no
     * other session, and the call succeeds. Returns false when the one session had ended before.
     */
    revoke: async (sessionId: string, everywhere: boolean, now: Date): Promise<boolean> => {
      if (!everywhere) return (await query(revoke, [now, sessionId])).length === 1
      await query(revokeEverywhere, [now, sessionId])
      return true
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

    /** Ends all sessions of all users, a thousand users at a time, and returns the number of users. */
    revokeEverybody: async (): Promise<number> => {
      let number = 0
      let last: string | null = null
      for (;;) {
        const batch: { id: string }[] = await query<{ id: string }>(revokeEverybody, [last])
        if (batch.length === 0) return number
        number += batch.length
        last =
          batch
            .map(({ id }) => id)
            .sort()
            .at(-1) ?? null
      }
    },
  }
}
