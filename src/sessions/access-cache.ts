import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { ActiveSession } from '../context.ts'
import type { Connection } from '../database/database.ts'
import type { Subscription } from '../database/listener.ts'
import type { Sessions } from '../stores/sessions.ts'

/** Receives the id of a user whose access has changed; null for all users. */
export type Changed = (userId: string | null) => void

export type AccessCache = ReturnType<typeof createAccessCache>

/**
 * Creates a cache of the results of `read`. A change notification removes the sessions of its user. A cached session is
 * returned only after all notifications sent before the request have arrived, so a result is never older than the
 * request. The cache holds at most `capacity` characters and evicts the least recently used session first.
 */
export function createAccessCache(
  read: Sessions['read'],
  watch: (changed: Changed) => Pick<Subscription, 'isCaughtUp' | 'isUp'>,
  capacity: number,
) {
  const known = new LRUCache<string, ActiveSession>({
    maxSize: capacity,
    sizeCalculation: (access) => JSON.stringify(access).length,
    dispose: ({ userId, sessionId }) => unlink(userId, sessionId),
  })
  const sessionsOf = new Map<string, Set<string>>()
  /** The pending reads. A read that a change overtakes may return the old state and is not cached. */
  const reading = new Set<{ userId: string; isOvertaken: boolean }>()
  const counts = { hits: 0, misses: 0, invalidations: 0 }

  function unlink(userId: string, sessionId: string): void {
    const sessions = sessionsOf.get(userId)
    sessions?.delete(sessionId)
    if (sessions?.size === 0) sessionsOf.delete(userId)
  }

  function remember(access: ActiveSession): void {
    const { userId, sessionId } = access
    known.set(sessionId, access)
    if (!known.has(sessionId)) return
    const sessions = sessionsOf.get(userId) ?? new Set()
    sessionsOf.set(userId, sessions.add(sessionId))
  }

  const subscription = watch((userId) => {
    for (const each of reading) each.isOvertaken ||= userId === null || each.userId === userId
    const sizeBefore = known.size
    if (userId === null) known.clear()
    else for (const sessionId of [...(sessionsOf.get(userId) ?? [])]) known.delete(sessionId)
    counts.invalidations += sizeBefore - known.size
  })

  function find(sessionId: string, userId: string, now: Date): ActiveSession | undefined {
    const access = known.get(sessionId)
    // A refreshed session lives longer than the cached one says.
    return access?.userId === userId && access.idleExpiresAt > now && access.expiresAt > now
      ? access
      : undefined
  }

  async function readThrough(sessionId: string, userId: string, now: Date): Promise<ActiveSession | null> {
    counts.misses++
    const own = { userId, isOvertaken: false }
    reading.add(own)
    try {
      const access = await read(sessionId, userId, now)
      if (access !== null && subscription.isUp() && !own.isOvertaken) remember(access)
      return access
    } finally {
      reading.delete(own)
    }
  }

  return {
    /** Reads a session like `Sessions.read`, but `counter` may be an earlier value. */
    read: (sessionId: string, userId: string, now: Date): Promise<ActiveSession | null> => {
      if (!known.has(sessionId)) return readThrough(sessionId, userId, now)
      // No async function: every await costs time, and this is the most frequent read.
      return subscription.isCaughtUp().then((isCaughtUp) => {
        const access = isCaughtUp ? find(sessionId, userId, now) : undefined
        if (access === undefined) return readThrough(sessionId, userId, now)
        counts.hits++
        return access
      })
    },
    /** Returns the counts, the number of cached sessions, and the state of the listening connection. */
    load: () => ({ ...counts, size: known.size, isListening: subscription.isUp() }),
  }
}

// The channel of the trigger function notify_access.
const channel = 'claimgate_access'
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Listens for changes of access by any client of the database: of roles, claims and active users, and of ended
 * sessions. `changed` receives the user's id. It receives null for a change of all users, and when notifications may be
 * lost: all earlier reads are then outdated.
 */
export function watchAccess(
  database: Pick<Connection, 'listen'>,
  log: Logger,
  changed: Changed,
): Subscription {
  let isLost = false
  return database.listen(channel, {
    onMessage: (message) => changed(uuid.test(message) ? message : null),
    onDisconnect: (reason) => {
      changed(null)
      if (!isLost)
        log.warn({ err: reason }, 'change notifications lost; /webhook reads the database on every request')
      isLost = true
    },
    onReconnect: () => {
      changed(null)
      if (isLost) log.info('change notifications restored; /webhook answers from memory again')
      isLost = false
    },
  })
}
