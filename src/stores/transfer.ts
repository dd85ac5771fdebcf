import type { Database } from '../database/database.ts'
import { GatewayError } from '../errors.ts'

// Columns with the types in which PostgreSQL reads them back. In this order each row comes after the rows it refers to.
// One-time data (codes, states, counters) stays behind.
const tables = {
  role: { id: 'uuid', name: 'text' },
  user: {
    id: 'uuid',
    username: 'text',
    password: 'text',
    email: 'text',
    email_verified: 'boolean',
    active: 'boolean',
    default_role_id: 'uuid',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    session_epoch: 'integer',
  },
  user_role: { id: 'uuid', user_id: 'uuid', role_id: 'uuid', provider: 'text' },
  user_claim: { user_id: 'uuid', name: 'text', value: 'jsonb' },
  identity: {
    provider: 'text',
    subject: 'text',
    user_id: 'uuid',
    email: 'text',
    email_verified: 'boolean',
    created_at: 'timestamptz',
    last_used_at: 'timestamptz',
  },
  session: {
    id: 'uuid',
    user_id: 'uuid',
    counter: 'integer',
    rotated_at: 'timestamptz',
    rotated_by: 'text',
    late_counter: 'integer',
    created_at: 'timestamptz',
    idle_expires_at: 'timestamptz',
    expires_at: 'timestamptz',
    revoked_at: 'timestamptz',
    revoked_reason: 'text',
    user_agent: 'text',
    address: 'text',
    auth_time: 'timestamptz',
    amr: 'text[]',
    level: 'integer',
    provider: 'text',
    provider_sid: 'text',
    app: 'text',
    epoch: 'integer',
  },
  signing_key: {
    kid: 'text',
    public_jwk: 'jsonb',
    private_key: 'bytea',
    state: 'text',
    created_at: 'timestamptz',
    active_at: 'timestamptz',
    retiring_at: 'timestamptz',
    token_lifetime: 'integer',
  },
} as const

/** A table of an export. */
export type TransferTable = keyof typeof tables

/** The tables of an export, in the order of their rows. */
export const transferTables = Object.keys(tables) as TransferTable[]

/** The number of rows of each table. */
export type TransferCounts = Record<TransferTable, number>

/** Returns zero for each table. */
export const noRows = (): TransferCounts =>
  Object.fromEntries(transferTables.map((table) => [table, 0])) as TransferCounts

/** A row of an export: `text` is the JSON object `{"table": …, "row": …}`, `line` its line in the file. */
export type TransferRow = { table: TransferTable; line: number; text: string }

/** The reason of PostgreSQL for rejecting a row. */
export type RejectedRow = { row: TransferRow; reason: string }

// In milliseconds; no transfer takes a day.
const timeout = 86_400_000

const rowsPerStatement = 1000

/**
 * Reads all rows of one snapshot, as JSON objects on one line each, and calls `write` with up to 1000 at a time. Returns
 * the counts. JSON is written by PostgreSQL, so numbers and times keep their precision.
 */
export async function readRows(
  { prisma, qualify }: Pick<Database, 'prisma' | 'qualify'>,
  write: (lines: readonly string[]) => Promise<void>,
): Promise<TransferCounts> {
  const counts = noRows()
  await (await prisma()).$transaction(
    async (tx) => {
      await tx.$executeRawUnsafe('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
      await tx.$executeRawUnsafe(`SET LOCAL TIME ZONE 'UTC'`)
      // The file may be written to a slow pipe.
      await tx.$executeRawUnsafe('SET LOCAL idle_in_transaction_session_timeout = 0')
      for (const table of transferTables) {
        await tx.$executeRawUnsafe(`DECLARE transfer NO SCROLL CURSOR FOR ${await qualify(selectOf(table))}`)
        for (;;) {
          const rows = await tx.$queryRawUnsafe<{ line: string }[]>(`FETCH ${rowsPerStatement} FROM transfer`)
          if (rows.length === 0) break
          await write(rows.map(({ line }) => line))
          counts[table] += rows.length
        }
        await tx.$executeRawUnsafe('CLOSE transfer')
      }
    },
    { timeout },
  )
  return counts
}

function selectOf(table: TransferTable): string {
  const columns = Object.entries(tables[table]).map(([name, type]) =>
    type === 'bytea' ? `encode("${name}", 'hex') AS "${name}"` : `"${name}"`,
  )
  return `SELECT '{"table":"${table}","row":' || row_to_json(t)::text || '}' AS line
    FROM (SELECT ${columns.join(', ')} FROM {${table}}) AS t`
}

/** The tables during an import of rows. */
export type TransferTarget = {
  countUsers(): Promise<number>
  /** Inserts rows of one table and returns the rejected ones. At most 1000 rows. */
  insert(rows: readonly TransferRow[]): Promise<RejectedRow[]>
}

/** Runs `work` in one transaction, which is rolled back when `isKept` is false or `work` throws. No user can sign up meanwhile. */
export async function writeRows<T>(
  { prisma, qualify }: Pick<Database, 'prisma' | 'qualify'>,
  isKept: boolean,
  work: (target: TransferTarget) => Promise<T>,
): Promise<T> {
  const done: { result?: T } = {}
  const undo = new Error('The transfer is rolled back')
  try {
    await (await prisma()).$transaction(
      async (tx) => {
        const run = async (text: string, ...values: string[]) =>
          tx.$executeRawUnsafe(await qualify(text), ...values)
        const guarded = async (work: () => Promise<unknown>) => {
          await run('SAVEPOINT transfer')
          try {
            await work()
            return null
          } catch (error) {
            if (error instanceof GatewayError) throw error
            await run('ROLLBACK TO SAVEPOINT transfer')
            return reasonOf(error)
          } finally {
            await run('RELEASE SAVEPOINT transfer').catch(() => {})
          }
        }
        const insert = (rows: readonly TransferRow[]) =>
          run(insertOf((rows[0] as TransferRow).table), `[${rows.map(({ text }) => text).join(',')}]`)
        await run('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
        await run('SET LOCAL idle_in_transaction_session_timeout = 0')
        await run(`LOCK TABLE {user}, {signing_key} IN SHARE ROW EXCLUSIVE MODE`)
        done.result = await work({
          countUsers: async () => {
            const [row] = await tx.$queryRawUnsafe<{ users: number }[]>(
              await qualify('SELECT count(*)::int AS users FROM {user}'),
            )
            return row?.users ?? 0
          },
          insert: async (rows) => {
            if (rows.length === 0) return []
            if (rows[0]?.table === 'signing_key') await run(retireKeys)
            if ((await guarded(() => insert(rows))) === null) return []
            const rejected: RejectedRow[] = []
            for (const row of rows) {
              const reason = await guarded(() => insert([row]))
              if (reason !== null) rejected.push({ row, reason })
            }
            return rejected
          },
        })
        if (!isKept) throw undo
      },
      { timeout },
    )
  } catch (error) {
    if (error !== undo) throw error
  }
  return done.result as T
}

// Tokens of the keys of a first start stay valid: only one key may be active, and only one next.
const retireKeys = `
  WITH removed AS (DELETE FROM {signing_key} WHERE state = 'next')
  UPDATE {signing_key} SET state = 'retiring', retiring_at = CURRENT_TIMESTAMP WHERE state = 'active'`

// A role or key of a first start gets the values of the file: roles by name, so that grants find their id.
const onConflict: Partial<Record<TransferTable, string>> = {
  role: 'ON CONFLICT ("name") DO UPDATE SET "id" = EXCLUDED."id"',
  signing_key: `ON CONFLICT ("kid") DO UPDATE SET ${Object.keys(tables.signing_key)
    .map((name) => `"${name}" = EXCLUDED."${name}"`)
    .join(', ')}`,
}

function insertOf(table: TransferTable): string {
  const columns = Object.entries(tables[table])
  // A null in JSON becomes a null in SQL, also where the column has the JSON value null.
  const values = columns.map(([name, type]) => {
    if (type === 'bytea') return `decode(r."${name}", 'hex')`
    return type === 'jsonb' ? `coalesce(r."${name}", 'null'::jsonb)` : `r."${name}"`
  })
  const types = columns.map(([name, type]) => `"${name}" ${type === 'bytea' ? 'text' : type}`)
  return `INSERT INTO {${table}} (${columns.map(([name]) => `"${name}"`).join(', ')})
    SELECT ${values.join(', ')} FROM jsonb_array_elements($1::text::jsonb) AS l (line)
    CROSS JOIN LATERAL jsonb_to_record(l.line -> 'row') AS r (${types.join(', ')}) ${onConflict[table] ?? ''}`
}

/** Returns the message of PostgreSQL from an error of Prisma. */
function reasonOf(error: unknown): string {
  const { meta, message } = error as {
    meta?: { driverAdapterError?: { cause?: { originalMessage?: string } } }
    message: string
  }
  return meta?.driverAdapterError?.cause?.originalMessage ?? message.split('\n').at(-1) ?? ''
}
