import { pino } from 'pino'
import type { ActiveSession } from '../../src/context.ts'
import type { Database } from '../../src/database/database.ts'
import type { Subscription } from '../../src/database/listener.ts'
import { type AccessCache, createAccessCache, watchAccess } from '../../src/sessions/access-cache.ts'
import { createSessions, type Sessions } from '../../src/stores/sessions.ts'
import { until } from '../_until.ts'
import { lifetimes } from '../stores/_stores.ts'

/** A cache, the sessions of the database, and the subscription of the cache. */
export type Cached = { cache: AccessCache; sessions: Sessions; listening: Subscription }

/** Creates the cache of a gateway over a database, and waits until it listens. */
export async function openCached(database: Database, capacity = 1_000_000): Promise<Cached> {
  const sessions = createSessions(database, lifetimes, 100)
  let listening: Subscription | undefined
  const cache = createAccessCache(
    sessions.read,
    (changed) => {
      listening = watchAccess(database, pino({ level: 'silent' }), changed)
      return listening
    },
    capacity,
  )
  await until(() => listening?.isUp() === true)
  return { cache, sessions, listening: listening as Subscription }
}

/** Returns the sorted content of an answer, without the members that a refresh changes. */
export function essenceOf(access: ActiveSession | null) {
  if (access === null) return null
  const { userId, sessionId, username, defaultRole, roles, extraClaims } = access
  return { userId, sessionId, username, defaultRole, roles: [...roles].sort(), extraClaims }
}
