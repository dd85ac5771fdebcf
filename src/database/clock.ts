import os from 'node:os'
import type { Connection } from './database.ts'

/** The largest difference in seconds between a clock and the database's that needs no warning. */
export const largestSkew = 5

/** A clock that follows the database's clock. */
export type DatabaseClock = ReturnType<typeof createDatabaseClock>

/**
 * The clocks of the process, in milliseconds. Only `wall` may be set while the process runs. `monotonic` stops while the
 * machine is suspended. `uptime` does not, and is slow to read.
 */
type ProcessClocks = { monotonic?: () => number; wall?: () => number; uptime?: () => number }

const read = { name: 'clock', text: 'SELECT clock_timestamp() AS now' }

/**
 * Creates a clock that follows the database's clock. All processes on one database then agree on every age, whatever
 * the clocks of their machines say. Between two measurements the monotonic clock runs on, so a machine's clock may be
 * set meanwhile. A suspension of the machine counts as soon as its own clock has jumped. Before the first measurement
 * the time is the process's.
 *
 * After a failover to a server with another clock, the time is wrong until the next measurement.
 */
export function createDatabaseClock(
  { query }: Pick<Connection, 'query'>,
  {
    monotonic = () => performance.now(),
    wall = () => Date.now(),
    uptime = () => os.uptime() * 1000,
  }: ProcessClocks = {},
) {
  const awake = uptime() - monotonic()
  let suspended = 0
  let ahead = wall() - monotonic()
  /** Returns a time that runs on while the machine is suspended. */
  const elapsed = (): number => {
    const now = wall() - monotonic()
    // The machine was suspended, or its clock was set.
    if (Math.abs(now - ahead) > largestSkew * 1000) {
      ahead = now
      suspended = uptime() - monotonic() - awake
    }
    return monotonic() + suspended
  }
  let offset = ahead
  const now = (): number => offset + elapsed()
  return {
    /** Returns the database's time, exact to half the round trip of a measurement. */
    now: (): Date => new Date(now()),

    /** Returns the seconds by which the process's clock is ahead of the database's; negative when it is behind. */
    skew: (): number => (wall() - now()) / 1000,

    /** Reads the database's clock. A slow answer corrects only what it proves wrong. Throws the errors of `query`. */
    measure: async (): Promise<void> => {
      const sent = elapsed()
      const [row] = await query<{ now: Date }>(read, [])
      const received = elapsed()
      if (!row) throw new Error('the database returned no time')
      const least = row.now.getTime() - received
      const most = row.now.getTime() - sent
      if (offset < least || offset > most) offset = (least + most) / 2
    },
  }
}
