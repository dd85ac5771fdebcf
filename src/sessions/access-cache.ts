import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { ActiveSession } from '../context.ts'
import type { Connection } from '../database/database.ts'
import type { Subscription } from '../database/listener.ts'
import type { Sessions } from '../stores/sessions.ts'

/** Hears that what a user may do has changed; null is any user. */
export type Changed = (userId: string | null) => void

export type AccessCache = ReturnType<typeof createAccessCache>

/**
 * Remembers what `read` answers for as long as nobody has told of a change. An answer is never older than its question:
 * what is remembered counts only after the one who tells of changes has said that there are none left to tell. At most
 * `capacity` characters; the least recently used goes first.
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
  /** Reads on their way. One that is overtaken by a change may have seen what was before it. */
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

  return {
    /** The same as `Sessions.read`, but for `counter`, which may be an earlier one. */
    read: async (sessionId: string, userId: string, now: Date): Promise<ActiveSession | null> => {
      if (known.has(sessionId) && (await subscription.isCaughtUp())) {
        const access = known.get(sessionId)
        // A session that has gone on lives longer than is remembered.
        if (access?.userId === userId && access.idleExpiresAt > now && access.expiresAt > now) {
          counts.hits++
          return access
        }
      }
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
    },
    /** What has happened so far, how many sessions are remembered, and whether anybody tells of changes. */
    load: () => ({ ...counts, size: known.size, isListening: subscription.isUp() }),
  }
}

// Where the trigger function notify_access says it.
const channel = 'claimgate_access'
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Hears of every change of what a user may do, by whomever: of their roles and claims, their being active, and of
 * sessions that end. `changed` gets the user's id, or null when it may be anybody: then, and whenever something may
 * have been missed, nothing that was read before is to be believed.
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
      if (!isLost) log.warn({ err: reason }, 'nobody tells of changes; /webhook asks the database every time')
      isLost = true
    },
    onReconnect: () => {
      changed(null)
      if (isLost) log.info('changes are told of again')
      isLost = false
    },
  })
}
