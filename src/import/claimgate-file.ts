import * as z from 'zod'
import {
  noRows,
  type TransferCounts,
  type TransferRow,
  type TransferTable,
  transferTables,
} from '../stores/transfer.ts'
import { decode, splitLines } from './file-text.ts'
import { ImportError } from './problems.ts'

const format = 'claimgate-export'
const foreign = 'The file is not an export of Claimgate.'
const version = 1

/** The first line of an export. */
export type ExportHeader = {
  /** The last migration of the database. */
  schema: string
  /** The fingerprint of AUTH_SECRET, on which sessions and keys depend. */
  secret: string
}

/** Returns the first line of an export. */
export function formatHeader({ schema, secret }: ExportHeader): string {
  return JSON.stringify({ format, version, schema, secret })
}

/** Returns the last line of an export, which shows that the file is complete. */
export function formatEnd(rows: TransferCounts): string {
  return JSON.stringify({ end: format, rows })
}

const anyHeader = z.object({ format: z.literal(format), version: z.int() })
const headerLine = z.strictObject({ ...anyHeader.shape, schema: z.string(), secret: z.string() })
const count = z.int().min(0)
const endLine = z.strictObject({
  end: z.literal(format),
  rows: z.strictObject(
    Object.fromEntries(transferTables.map((table) => [table, count])) as Record<TransferTable, typeof count>,
  ),
})

const id = z.guid()
const text = z.string()
const time = z
  .string()
  .regex(
    /^(\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d){0,2}( BC)?|-?infinity)$/,
    'must be a time',
  )
const integer = z.int32()
// Every value of a parsed line is JSON. A claim may be nested more deeply than a recursive check allows.
const json = z.unknown().refine((value) => value !== undefined, 'is missing')

const rows = {
  role: { id, name: text },
  user: {
    id,
    username: text,
    password: text.nullable(),
    email: text.nullable(),
    email_verified: z.boolean(),
    active: z.boolean(),
    default_role_id: id.nullable(),
    created_at: time,
    updated_at: time,
    session_epoch: integer,
  },
  // Exports before the migration 0015 lack provider_sid, before 0014 the provider, and before 0013 the app of a session.
  user_role: { id, user_id: id, role_id: id, provider: text.nullish() },
  user_claim: { user_id: id, name: text, value: json },
  identity: {
    provider: text,
    subject: text,
    user_id: id,
    email: text.nullable(),
    email_verified: z.boolean(),
    created_at: time,
    last_used_at: time,
  },
  session: {
    id,
    user_id: id,
    counter: integer,
    rotated_at: time.nullable(),
    rotated_by: text.nullable(),
    late_counter: integer.nullable(),
    created_at: time,
    idle_expires_at: time,
    expires_at: time,
    revoked_at: time.nullable(),
    revoked_reason: text.nullable(),
    user_agent: text.nullable(),
    address: text.nullable(),
    auth_time: time.nullable(),
    amr: z.array(text).nullable(),
    level: integer,
    provider: text.nullable(),
    provider_sid: text.nullish(),
    app: text.nullish(),
    epoch: integer,
  },
  signing_key: {
    kid: text,
    public_jwk: json,
    private_key: z.hex(),
    state: z.enum(['next', 'active', 'retiring']),
    created_at: time,
    active_at: time.nullable(),
    retiring_at: time.nullable(),
    token_lifetime: integer,
  },
} satisfies Record<TransferTable, z.ZodRawShape>

const rowLine = z.discriminatedUnion('table', [
  z.strictObject({ table: z.literal('role'), row: z.strictObject(rows.role) }),
  z.strictObject({ table: z.literal('user'), row: z.strictObject(rows.user) }),
  z.strictObject({ table: z.literal('user_role'), row: z.strictObject(rows.user_role) }),
  z.strictObject({ table: z.literal('user_claim'), row: z.strictObject(rows.user_claim) }),
  z.strictObject({ table: z.literal('identity'), row: z.strictObject(rows.identity) }),
  z.strictObject({ table: z.literal('session'), row: z.strictObject(rows.session) }),
  z.strictObject({ table: z.literal('signing_key'), row: z.strictObject(rows.signing_key) }),
])

/** An export that is being read: its first line, then its rows, which can be read once. */
export type ExportFile = { header: ExportHeader; rows: AsyncGenerator<TransferRow> }

/**
 * Begins to read an export from `input`. `migrations` are the names that this version knows. Throws ImportError `layout`
 * for a file that is no export, and for an export of a newer version. Reading the rows throws it for an invalid line, with
 * its number, and for a file whose end is missing.
 */
export async function openExport(
  input: AsyncIterable<Uint8Array>,
  migrations: readonly string[],
): Promise<ExportFile> {
  const lines = splitLines(decode(input, `${foreign.slice(0, -1)}: it is not UTF-8.`), foreign)
  const first = (await lines.next()).value ?? ''
  const started = anyHeader.safeParse(parse(first))
  if (!started.success) throw new ImportError('layout', foreign)
  const header = headerLine.safeParse(parse(first)).data
  if (started.data.version !== version || header === undefined || !migrations.includes(header.schema))
    throw new ImportError(
      'layout',
      `The export is of another version of Claimgate (format ${started.data.version}, migration ${header?.schema}). Import it with the version that wrote it, or with a newer version.`,
    )
  return { header, rows: readRows(lines) }
}

async function* readRows(lines: AsyncGenerator<string>): AsyncGenerator<TransferRow> {
  const counts = noRows()
  let line = 1
  let isComplete = false
  for await (const content of lines) {
    line += 1
    if (isComplete) throw new ImportError('layout', `Line ${line} of the export comes after its end.`)
    const value = parse(content)
    if (value === undefined)
      throw new ImportError(
        'layout',
        `Line ${line} of the export is not JSON. Copy the file again, or export again.`,
      )
    const end = endLine.safeParse(value)
    if (end.success) {
      for (const table of transferTables)
        if (end.data.rows[table] !== counts[table])
          throw new ImportError(
            'layout',
            `The export lacks lines: it has ${counts[table]} of ${end.data.rows[table]} rows of ${table}. Export again.`,
          )
      isComplete = true
      continue
    }
    const { data, error } = rowLine.safeParse(value)
    if (data === undefined) {
      const issue = error?.issues[0]
      throw new ImportError(
        'layout',
        `Line ${line} of the export is not valid: ${issue?.path.join('.')} ${issue?.message}`,
      )
    }
    counts[data.table] += 1
    yield { table: data.table, line, text: content }
  }
  if (!isComplete)
    throw new ImportError(
      'layout',
      `The export is incomplete: its end is missing after line ${line}. Copy the file again, or export again.`,
    )
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
