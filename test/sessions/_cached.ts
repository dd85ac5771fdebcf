import { pino } from 'pino'
import type { ActiveSession } from '../../src/context.ts'
import type { Database } from '../../src/database/database.ts'
import type { Subscription } from '../../src/database/listener.ts'
import { type AccessCache, createAccessCache, watchAccess } from '../../src/sessions/access-cache.ts'
import { createSessions, type Sessions } from '../../src/stores/sessions.ts'
import { until } from '../_until.ts'
import { lifetimes } from '../stores/_stores.ts'

/** Sessions that are remembered, sessions as the database says, and what listens between them. */
export type Cached = { cache: AccessCache; sessions: Sessions; listening: Subscription }

/** A cache over a database, as a gateway has it, that already listens. */
export async function openCached(database: Database, capacity = 1_000_000): Promise<Cached> {
  const sessions = createSessions(database, lifetimes)
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

/** What an answer says, in an order of its own; a session that goes on may be remembered as it was. */
export function essenceOf(access: ActiveSession | null) {
  if (access === null) return null
  const { userId, sessionId, username, defaultRole, roles, extraClaims } = access
  return { userId, sessionId, username, defaultRole, roles: [...roles].sort(), extraClaims }
}
