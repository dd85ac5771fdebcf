import type { Connection } from './database.ts'

/** A session that holds a lock. Everything but the process id is null where the user may not see it. */
type Holder = {
  pid: number
  application: string | null
  user: string | null
  address: string | null
  state: string | null
  since: Date | null
}

// In milliseconds.
const firstReport = 2_000
const laterReports = 10_000

// A process that waits for an advisory lock polls, so pg_blocking_pids does not know it.
const holders = {
  name: 'lock_holders',
  text: `SELECT h.pid, nullif(a.application_name, '') AS "application", a.usename::text AS "user",
      host(a.client_addr) AS "address", a.state AS "state", a.state_change AS "since"
    FROM (SELECT unnest(pg_blocking_pids($1)) AS pid
      UNION SELECT l.pid FROM pg_catalog.pg_locks l
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> $1
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32) + l.objid::bigint = ANY ($2::bigint[])) AS h
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = h.pid ORDER BY h.pid`,
}

/**
 * Reports the sessions that hold a lock which the work of this process waits for: after 2 s, then every 10 s, until the
 * returned function is called. `pid` returns the process that works, 0 while it waits for the advisory locks `keys`.
 */
export function reportWaits(
  query: Connection['query'],
  keys: readonly number[],
  pid: () => number,
  report: (text: string) => void,
): () => void {
  const look = async () => {
    // The connection of the work itself reports a failure.
    const found = await query<Holder>(holders, [pid(), keys]).catch(() => [])
    if (!isOver && found.length > 0) report(describe(found))
    if (!isOver) timer = setTimeout(look, laterReports)
  }
  let isOver = false
  let timer = setTimeout(look, firstReport)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

function describe(found: readonly Holder[]): string {
  const sessions = found.map(describeHolder).join('; ')
  const pids = found.map(({ pid }) => pid).filter((pid) => pid !== 0)
  const end = pids.map((pid) => `SELECT pg_terminate_backend(${pid})`).join('; ')
  return `waiting for a database lock of ${sessions}. Wait until it ends${end && `, or end it: ${end}`}`
}

function describeHolder({ pid, application, user, address, state, since }: Holder): string {
  if (pid === 0) return 'a prepared transaction (see pg_prepared_xacts)'
  const details = [
    application && JSON.stringify(application),
    user && `user ${user}`,
    address,
    state && since && `${state} since ${since.toISOString()}`,
  ].filter(Boolean)
  return `process ${pid}${details.length > 0 ? ` (${details.join(', ')})` : ''}`
}
