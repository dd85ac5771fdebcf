import { GatewayError } from '../errors.ts'

/** Returns all codes of an error and its causes: SQLSTATE, and codes of Prisma, Node and the pool. */
function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 4) return []
  const { code, originalCode, meta, cause, driverAdapterError } = error as Record<string, unknown>
  const own = [code, originalCode].filter((value): value is string => typeof value === 'string')
  return [...own, ...[cause, driverAdapterError, meta].flatMap((inner) => codesOf(inner, depth + 1))]
}

/** Returns true when a statement failed because a unique index already has the value. */
export function isUniqueViolation(error: unknown): boolean {
  return codesOf(error).some((code) => code === '23505' || code === 'P2002')
}

// SQLSTATE classes: connection exception, insufficient resources, operator intervention, system error; a locked row, a
// read-only server; then codes of Prisma and of the network.
const away =
  /^(08|53|57|58)...$|^55P03$|^25006$|^P10(01|02|08|11|17)$|^P20(24|28)$|^E(CONN|HOST|NET|ADDR)[A-Z]+$|^E(TIMEDOUT|PIPE|NOTFOUND|AI_AGAIN)$/

// Rejected logins, a missing database, and certificate or file errors.
const refused = /^28...$|^3D000$|^P10(00|03|10)$|^E[A-Z_]+$/

/**
 * Returns true when a failure ends as soon as the server is reachable again, also as the cause of
 * `database_unavailable`. Returns false when the server is reachable and rejects the statement.
 */
export function isAway(error: unknown): boolean {
  return codesOf(error).some((code) => away.test(code)) || isLostConnection(error)
}

/**
 * Returns `database_unavailable` when the server is unreachable, too busy or too slow. Returns any other error
 * unchanged, so that a wrong statement stays visible.
 */
export function translateFailure(error: unknown): unknown {
  if (error instanceof GatewayError) return error
  const isUnavailable = isAway(error) || codesOf(error).some((code) => refused.test(code))
  return isUnavailable
    ? new GatewayError('database_unavailable', { cause: error, headers: { 'Retry-After': '5' } })
    : error
}

// node-postgres sets no code on these errors, and Prisma's schema engine drops the code of the last one.
function isLostConnection(error: unknown): boolean {
  const lost =
    /timeout exceeded when trying to connect|timeout expired|Connection terminated|Client has encountered a connection error|Query read timeout|after calling end on the pool|PGlite is clos|canceling statement due to (?:lock|statement) timeout/
  return error instanceof Error && (lost.test(error.message) || isLostConnection(error.cause))
}
