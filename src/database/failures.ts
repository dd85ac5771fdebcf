import { GatewayError } from '../errors.ts'

/** Returns all codes of an error and its causes: SQLSTATE, and codes of Prisma, Node and the pool. */
export function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 4) return []
  const { code, originalCode, meta, cause, driverAdapterError } = error as Record<string, unknown>
  const own = [code, originalCode].filter((value): value is string => typeof value === 'string')
  return [...own, ...[cause, driverAdapterError, meta].flatMap((inner) => codesOf(inner, depth + 1))]
}

/** Returns true when a statement failed because a unique index already has the value. */
export function isUniqueViolation(error: unknown): boolean {
  return codesOf(error).some((code) => code === '23505' || code === 'P2002')
}

/** A foreign key: the table that has it, with its schema, and the name of the constraint. */
export type Reference = { table: string; constraint: string }

/** Returns the foreign key whose rows stop a deletion; null for any other error. */
export function findReference(error: unknown): Reference | null {
  if (typeof error !== 'object' || error === null) return null
  const { code, schema, table, constraint, cause } = error as Record<string, unknown>
  // foreign_key_violation, and restrict_violation since PostgreSQL 18.
  if ((code === '23503' || code === '23001') && typeof table === 'string')
    return { table: schema ? `${schema}.${table}` : table, constraint: String(constraint) }
  return cause === undefined ? null : findReference(cause)
}

/** Returns true when a statement lost against a concurrent one, and succeeds when it is repeated. */
export function isConflict(error: unknown): boolean {
  return codesOf(error).some((code) => code === '40001' || code === '40P01')
}

// PgBouncer, and the pooler of Supabase in mode transaction and session.
const full = /no more connections allowed|max client(s| connections) reached/i

/** Returns true when a server or a pooler has no connection left. */
export function isFull(error: unknown): boolean {
  return codesOf(error).includes('53300') || hasMessage(error, full)
}

// SQLSTATE classes: connection exception, insufficient resources, operator intervention, system error; a locked row, a
// read-only server; then codes of Prisma and of the network.
const away =
  /^(08|53|57|58)...$|^55P03$|^25006$|^P10(01|02|08|11|17)$|^P20(24|28)$|^E(CONN|HOST|NET|ADDR)[A-Z]+$|^E(TIMEDOUT|PIPE|NOTFOUND|AI_AGAIN)$/

// PgBouncer has one code for all its refusals. These do not end by themselves; the others do: a server that is down, a
// full pool, a pause, a shutdown (test/database/refusals.test.ts).
const permanent =
  /(password|SASL) authentication failed|no such (user|database)|(role|database) ".*" does not exist|pg_hba\.conf|unsupported startup parameter|(SSL|TLS) required|statement pooling mode/

/** Returns true when a pooler refuses user, database or start packet, until its settings or DATABASE_URL change. */
function isRefusedByPooler(error: unknown): boolean {
  return codesOf(error).includes('08P01') && hasMessage(error, permanent)
}

// Rejected logins, a missing database, and certificate or file errors.
const refused = /^28...$|^3D000$|^P10(00|03|10)$|^E[A-Z_]+$/

/**
 * Returns true when a failure ends as soon as the server is reachable again, also as the cause of
 * `database_unavailable`. Returns false when the server is reachable and rejects the statement.
 */
export function isAway(error: unknown): boolean {
  if (isRefusedByPooler(error)) return false
  return codesOf(error).some((code) => away.test(code)) || hasMessage(error, lost) || isFull(error)
}

/** The time limits of a server: SQLSTATE, because the message may be in any language, and detail for the caller. */
const timeLimits = [
  {
    code: '57014',
    detail:
      'The database took longer for a statement than AUTH_DATABASE_TIMEOUT allows. Try again in 5 seconds.',
  },
  {
    code: '55P03',
    detail:
      'The database row stayed locked for longer than AUTH_DATABASE_TIMEOUT allows. Try again in 5 seconds.',
  },
]

function exceededLimit(error: unknown) {
  const codes = codesOf(error)
  return timeLimits.find(({ code }) => codes.includes(code))
}

/** Returns true when the server is reachable and has cancelled a statement that took too long. */
export function isTimeout(error: unknown): boolean {
  return exceededLimit(error) !== undefined
}

/** Returns true for a translated error of a database that is away, or that refuses every statement. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof GatewayError) || error.code !== 'database_unavailable') return false
  return error.cause !== undefined && !isTimeout(error)
}

/**
 * Returns `database_unavailable` when the server is unreachable, too busy or too slow. A cancelled statement has a
 * detail of its own. Returns any other error unchanged, so that a wrong statement stays visible.
 */
export function translateFailure(error: unknown): unknown {
  if (error instanceof GatewayError) return error
  const isUnavailable =
    isAway(error) || isRefusedByPooler(error) || codesOf(error).some((code) => refused.test(code))
  if (!isUnavailable) return error
  const detail = exceededLimit(error)?.detail
  return new GatewayError('database_unavailable', {
    ...(detail !== undefined && { detail }),
    cause: error,
    headers: { 'Retry-After': '5' },
  })
}

// node-postgres sets no code on these errors.
const lost =
  /timeout exceeded when trying to connect|timeout expired|Connection terminated|Client has encountered a connection error|Query read timeout|after calling end on the pool|PGlite is clos/

function hasMessage(error: unknown, message: RegExp): boolean {
  return error instanceof Error && (message.test(error.message) || hasMessage(error.cause, message))
}
