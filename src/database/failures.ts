import { GatewayError } from '../errors.ts'

/** PostgreSQL's SQLSTATE of a driver's error, or the code that Prisma, Node or the pool gave it. */
function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 4) return []
  const { code, originalCode, meta, cause, driverAdapterError } = error as Record<string, unknown>
  const own = [code, originalCode].filter((value): value is string => typeof value === 'string')
  return [...own, ...[cause, driverAdapterError, meta].flatMap((inner) => codesOf(inner, depth + 1))]
}

/** Whether a statement was refused because a unique index already has the value. */
export function isUniqueViolation(error: unknown): boolean {
  return codesOf(error).some((code) => code === '23505' || code === 'P2002')
}

// Connection exceptions, lack of resources, operator intervention, system errors, a server that only reads; Prisma's
// own; the network's.
const away =
  /^(08|53|57|58)...$|^25006$|^P10(01|02|08|11|17)$|^P20(24|28)$|^E(CONN|HOST|NET|ADDR)[A-Z]+$|^E(TIMEDOUT|PIPE|NOTFOUND|AI_AGAIN)$/

// Refused logins, a database that is gone, and what is wrong with a certificate or a file.
const refused = /^28...$|^3D000$|^P10(00|03|10)$|^E[A-Z_]+$/

/**
 * Whether a failure passes when the server comes, or comes back; not so when it is there and refuses. Says yes to
 * `database_unavailable` that has one for a cause.
 */
export function isAway(error: unknown): boolean {
  return codesOf(error).some((code) => away.test(code)) || isLostConnection(error)
}

/**
 * What a database failure becomes: `database_unavailable` when the server is away, too busy or too slow, otherwise the
 * error itself, so that mistakes in a statement stay visible as such.
 */
export function translateFailure(error: unknown): unknown {
  if (error instanceof GatewayError) return error
  const isUnavailable = isAway(error) || codesOf(error).some((code) => refused.test(code))
  return isUnavailable
    ? new GatewayError('database_unavailable', { cause: error, headers: { 'Retry-After': '5' } })
    : error
}

// node-postgres gives these no code.
function isLostConnection(error: unknown): boolean {
  const lost =
    /timeout exceeded when trying to connect|timeout expired|Connection terminated|Client has encountered a connection error|Query read timeout|after calling end on the pool|PGlite is clos/
  return error instanceof Error && (lost.test(error.message) || isLostConnection(error.cause))
}
