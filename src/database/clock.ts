import type { Connection } from './database.ts'

/** The largest difference in seconds between a clock and the database's that needs no warning. */
export const largestSkew = 5

export type DatabaseClock = ReturnType<typeof createDatabaseClock>

/** The clocks of the process, in milliseconds. Only `wall` may be set while the process runs. */
type ProcessClocks = { monotonic?: () => number; wall?: () => number }

const read = { name: 'clock', text: 'SELECT clock_timestamp() AS now' }

/**
 * Creates a clock that follows the database's clock. All processes on one database then agree on every age, whatever
 * the clocks of their machines say. Between two measurements the monotonic clock runs on, so a machine's clock may be
 * set meanwhile. Before the first measurement the time is the process's.
 *
 * After a suspension of the machine, or a failover to a server with another clock, the time is wrong until the next
 * measurement.
 */
export function createDatabaseClock(
  { query }: Pick<Connection, 'query'>,
  { monotonic = () => performance.now(), wall = () => Date.now() }: ProcessClocks = {},
) {
  let offset = wall() - monotonic()
  return {
    /** Returns the database's time, exact to half the round trip of a measurement. */
    now: (): Date => new Date(offset + monotonic()),

    /** Returns the seconds by which the process's clock is ahead of the database's; negative when it is behind. */
    skew: (): number => (wall() - monotonic() - offset) / 1000,

    /** Reads the database's clock. A slow answer corrects only what it proves wrong. Throws the errors of `query`. */
    measure: async (): Promise<void> => {
      const sent = monotonic()
      const [row] = await query<{ now: Date }>(read, [])
      const received = monotonic()
      if (!row) throw new Error('the database returned no time')
      const least = row.now.getTime() - received
      const most = row.now.getTime() - sent
      if (offset < least || offset > most) offset = (least + most) / 2
    },
  }
}
