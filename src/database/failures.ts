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

// Connection exceptions, refused logins, a database that is gone, lack of resources, operator intervention, system
// errors; Prisma's own; the socket's.
const unavailable = /^(08|28|53|57|58)...$|^(25006|3D000)$|^P10(00|01|02|03|08|10|11|17)$|^P2024$|^E[A-Z_]+$/

/**
 * What a database failure becomes: `database_unavailable` when the server is away, too busy or too slow, otherwise the
 * error itself, so that mistakes in a statement stay visible as such.
 */
export function translateFailure(error: unknown): unknown {
  if (error instanceof GatewayError) return error
  const away = codesOf(error).some((code) => unavailable.test(code)) || isLostConnection(error)
  return away
    ? new GatewayError('database_unavailable', { cause: error, headers: { 'Retry-After': '5' } })
    : error
}

// node-postgres gives these no code.
function isLostConnection(error: unknown): boolean {
  const lost =
    /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|Query read timeout|after calling end on the pool|PGlite is clos/
  return error instanceof Error && (lost.test(error.message) || isLostConnection(error.cause))
}
