import type { Logger } from 'pino'
import type { Connection } from './database.ts'
import type { Listening } from './listening.ts'

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
  changed: (userId: string | null) => void,
): Listening {
  let isLost = false
  return database.listen(channel, {
    heard: (message) => changed(uuid.test(message) ? message : null),
    lost: (reason) => {
      changed(null)
      if (!isLost) log.warn({ err: reason }, 'nobody tells of changes; /webhook asks the database every time')
      isLost = true
    },
    back: () => {
      changed(null)
      if (isLost) log.info('changes are told of again')
      isLost = false
    },
  })
}
