import type { ActiveSession } from '../context.ts'
import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import { GatewayError } from '../errors.ts'
import { columns, living, parseAccess, selectAccess, unended } from './access.ts'
import type { ClientKind } from './session-reuse.ts'

/** A refresh token that is used: its session and counter, and the session's next idle end. */
type Rotation = { sessionId: string; counter: number; now: Date; idleExpiresAt: Date; client: ClientKind }

// A session whose row another statement has locked must not keep the others waiting.
const rotateTogether = {
  name: 'session_rotate',
  text: selectAccess(`a AS MATERIALIZED (
    SELECT a.* FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[], $5::text[])
      AS a (id, counter, now, idle_expires_at, client)
    JOIN {session} s ON s.id = a.id AND s.counter = a.counter FOR NO KEY UPDATE OF s SKIP LOCKED),
  s AS (
    UPDATE {session} s SET counter = s.counter + 1, rotated_at = a.now, rotated_by = a.client,
      idle_expires_at = least(a.idle_expires_at, s.expires_at)
    FROM a, {user} u
    WHERE s.id = a.id AND s.counter = a.counter AND ${unended}
      AND s.idle_expires_at > a.now AND s.expires_at > a.now AND u.active
    RETURNING ${columns})`),
}

const rotateAlone = {
  name: 'session_rotate_alone',
  text: selectAccess(`s AS (
    UPDATE {session} s SET counter = s.counter + 1, rotated_at = $1, rotated_by = $5,
      idle_expires_at = least($4, s.expires_at)
    FROM {user} u
    WHERE s.id = $2 AND s.counter = $3 AND ${living} AND u.active
    RETURNING ${columns})`),
}

// More than of a read, because a commit waits for the disk. The pool has ten connections.
const concurrency = 4

/**
 * Creates the rotation of refresh tokens. Concurrent rotations of several sessions share a statement. A rotation without
 * a result in it runs again alone: its row was locked, or its token is not the current one.
 */
export function createRotate(query: Database['query']) {
  const together = createBatch<Rotation, unknown>(async (rotations) => {
    // A statement changes a row once, so the first rotation of a session is in it.
    const firsts = new Map(rotations.toReversed().map((rotation) => [rotation.sessionId, rotation]))
    const asked = [...firsts.values()]
    const rows = await query<{ sessionId: string }>(rotateTogether, [
      asked.map(({ sessionId }) => sessionId),
      asked.map(({ counter }) => counter),
      asked.map(({ now }) => now),
      asked.map(({ idleExpiresAt }) => idleExpiresAt),
      asked.map(({ client }) => client),
    ]).catch((error: unknown) => {
      if (error instanceof GatewayError) throw error
      // A trigger of another program may reject a row, which must not fail the other sessions.
      return []
    })
    return new Map(rows.map((row) => [firsts.get(row.sessionId) as Rotation, row]))
  }, concurrency)

  return async (rotation: Rotation): Promise<ActiveSession | null> => {
    const row = await together(rotation)
    if (row !== null) return parseAccess([row])
    const { sessionId, counter, now, idleExpiresAt, client } = rotation
    return parseAccess(await query(rotateAlone, [now, sessionId, counter, idleExpiresAt, client]))
  }
}
