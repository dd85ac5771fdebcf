import type { Database } from '../database/database.ts'

/** A session in the list that its user sees. */
export type SessionSummary = {
  id: string
  userAgent: string | null
  address: string | null
  /** The provider of the sign-in; null for a session of an earlier version. */
  provider: string | null
  /** The origin of the app that the session is for, or of the pages; null when it is not known. */
  app: string | null
  createdAt: Date
  lastUsedAt: Date
  expiresAt: Date
}

/** The last session of a page of the list, after which the next page begins. */
export type SessionPosition = Pick<SessionSummary, 'id' | 'lastUsedAt'>

/** A page of the list; `next` is null on the last page. */
export type SessionPage = { sessions: SessionSummary[]; next: SessionPosition | null }

/** Some sessions of a user, and the number of all. */
export type SessionOverview = { sessions: SessionSummary[]; total: number }

/** The most sessions of a user that are listed or counted, and the greatest AUTH_SESSIONS_PER_USER. */
export const mostSessions = 10_000

// The newest sessions of a user, by an index, so that the cost is bounded whatever their number.
const newest = `SELECT s.* FROM {session} s
  WHERE s.user_id = $2 AND s.epoch = (SELECT u.session_epoch FROM {user} u WHERE u.id = $2) AND s.revoked_at IS NULL
  ORDER BY s.created_at DESC LIMIT ${mostSessions}`
const summary = `s.id, s.user_agent AS "userAgent", s.address, s.provider, s.app, s.created_at AS "createdAt",
      coalesce(s.rotated_at, s.created_at) AS "lastUsedAt", s.idle_expires_at AS "expiresAt"`
const unexpired = 's.idle_expires_at > $1 AND s.expires_at > $1'

const page = {
  name: 'session_page',
  text: `SELECT l.* FROM (
    SELECT ${summary} FROM (${newest}) s WHERE ${unexpired}) l
  WHERE $4::timestamptz IS NULL OR l."lastUsedAt" < $4 OR (l."lastUsedAt" = $4 AND l.id > $5::uuid)
  ORDER BY l."lastUsedAt" DESC, l.id LIMIT $3`,
}

// The number is of all sessions, not only of the returned ones.
const overview = {
  name: 'session_overview',
  text: `SELECT ${summary}, count(*) OVER ()::int AS total FROM (${newest}) s WHERE ${unexpired}
  ORDER BY s.id = $4 DESC, "lastUsedAt" DESC, s.id LIMIT $3`,
}

const number = {
  name: 'session_number',
  text: `SELECT count(*)::int AS number FROM (${newest}) s WHERE ${unexpired}`,
}

export type SessionList = ReturnType<typeof createSessionList>

/** The valid sessions of a user, as the user and administrators see them. */
export function createSessionList({ query }: Pick<Database, 'query'>) {
  return {
    /** Returns at most `limit` valid sessions of a user, the last used first, beginning after the position `after`. */
    read: async (
      userId: string,
      now: Date,
      limit: number,
      after: SessionPosition | null = null,
    ): Promise<SessionPage> => {
      const values = [now, userId, limit + 1, after?.lastUsedAt ?? null, after?.id ?? null]
      const found = await query<SessionSummary>(page, values)
      const sessions = found.slice(0, limit)
      return { sessions, next: found.length > limit ? (sessions.at(-1) ?? null) : null }
    },

    /** Returns at most `limit` valid sessions of a user, `current` first, then the last used, and the number of all. */
    readOverview: async (
      userId: string,
      current: string,
      now: Date,
      limit: number,
    ): Promise<SessionOverview> => {
      const rows = await query<SessionSummary & { total: number }>(overview, [now, userId, limit, current])
      return { sessions: rows.map(({ total: _, ...session }) => session), total: rows[0]?.total ?? 0 }
    },

    /** Counts the valid sessions of a user, up to `mostSessions`. */
    count: async (userId: string, now: Date): Promise<number> =>
      (await query<{ number: number }>(number, [now, userId]))[0]?.number ?? 0,
  }
}

/** Returns a position as the text of a parameter `after`. */
export function formatPosition({ id, lastUsedAt }: SessionPosition): string {
  return `${lastUsedAt.getTime()}_${id}`
}

/** Parses the text of `formatPosition`; null for any other text. */
export function parsePosition(text: string): SessionPosition | null {
  const [, time, id] = /^(\d{1,13})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(text) ?? []
  return time === undefined || id === undefined ? null : { id, lastUsedAt: new Date(Number(time)) }
}
