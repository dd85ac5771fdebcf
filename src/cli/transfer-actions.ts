import { randomUUID } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { formatEnd, formatHeader, openExport } from '../import/claimgate-file.ts'
import { findMigrationNames } from '../migrations/migrate.ts'
import { writeText } from '../observability/terminal-text.ts'
import { root } from '../root.ts'
import {
  noRows,
  type RejectedRow,
  readRows,
  type TransferCounts,
  type TransferRow,
  type TransferTarget,
  writeRows,
} from '../stores/transfer.ts'
import { deriveKeys, loadSecret } from '../tokens/secrets.ts'
import { type CommandContext, type OpenDeployment, openTables, print, withDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import type { ImportFlags } from './import.ts'
import { count, type Output, quote } from './output.ts'

/** Writes the export to a new file, or else to standard output. Throws `file_exists`, `file_not_found` and `usage`. */
export async function exportData(context: CommandContext, file: string | undefined): Promise<void> {
  if (file !== undefined)
    return print(context, await withDeployment(context, (opened) => exportToFile(opened, file)))
  const { stdout, stderr } = context.process
  if (context.isJson)
    throw new CommandError('usage', '--json needs --output <file>, because standard output has the export')
  if (stdout.isTTY)
    throw new CommandError(
      'usage',
      'The export has password hashes and is not shown on a terminal; give --output <file>',
    )
  const rows = await withDeployment(context, (opened) =>
    opened.config.databaseUrl === undefined
      ? writeAfterwards(opened, stdout)
      : writeExport(opened, (text) => send(stdout, text)),
  )
  writeText(stderr, `Exported ${describe(rows)}.\n`)
}

/**
 * Reads all rows into a file without a name, then writes them: while an export reads an embedded database, the gateway
 * waits, and the reader of a pipe may be slow.
 */
async function writeAfterwards(
  opened: OpenDeployment,
  stream: NodeJS.WritableStream,
): Promise<TransferCounts> {
  const path = join(opened.config.dataDir, `export-${randomUUID()}`)
  const handle = await open(path, 'wx+', 0o600)
  try {
    await rm(path)
    const rows = await writeExport(opened, async (text) => void (await handle.writeFile(text)))
    for await (const chunk of handle.createReadStream({ start: 0, autoClose: false }))
      await send(stream, chunk)
    return rows
  } finally {
    await handle.close()
  }
}

/** Writes to a temporary name and renames it, so that a file with the final name is complete. */
async function exportToFile(opened: OpenDeployment, file: string): Promise<Output> {
  const exists = new CommandError(
    'file_exists',
    `The file ${quote(file)} exists; give another name, or remove it`,
  )
  if (existsSync(file)) throw exists
  const unfinished = `${file}.new`
  const handle = await open(unfinished, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EEXIST')
      throw new CommandError(
        'file_exists',
        `The file ${quote(unfinished)} of another export exists; remove it unless that export is running`,
      )
    throw new CommandError('file_not_found', `The file ${quote(file)} cannot be written (${cause.code})`, {
      cause,
    })
  })
  try {
    const rows = await writeExport(opened, async (text) => void (await handle.writeFile(text)))
    await handle.sync()
    if (existsSync(file)) throw exists
    await rename(unfinished, file)
    return { document: { file, rows }, text: `Exported ${describe(rows)} to ${quote(file)}.` }
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

async function writeExport(
  { database, derive }: OpenDeployment,
  write: (text: string) => Promise<void>,
): Promise<TransferCounts> {
  const schema = (await findMigrationNames(root)).at(-1) ?? ''
  await write(`${formatHeader({ schema, secret: fingerprint(derive('export')[0]) })}\n`)
  const rows = await readRows(database, (lines) => write(lines.map((line) => `${line}\n`).join('')))
  await write(`${formatEnd(rows)}\n`)
  return rows
}

/** Resolves when the stream has taken the text, so that a slow reader does not fill the memory. */
function send(stream: NodeJS.WritableStream, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()))
  })
}

function fingerprint(key: Uint8Array): string {
  return Buffer.from(key).toString('base64url')
}

/**
 * Imports an export in one transaction, into a database without users. Throws `file_not_found`, `other_secret`,
 * `users_exist` and `invalid_export`, and ImportError for an invalid file; nothing is changed then.
 */
export async function importExport(
  context: CommandContext,
  file: string,
  { dryRun = false, withoutSessions = false }: ImportFlags,
): Promise<Output> {
  const config = await context.loadConfig()
  const { header, rows } = await openExport(readFrom(context, file), await findMigrationNames(root))
  if (!withoutSessions) await requireSecret(config, header.secret)
  const { database, close } = await openTables(context, config, dryRun ? 'none' : 'migrate')
  try {
    const counts = await writeRows(database, !dryRun, async (target) => {
      await requireNoUsers(target)
      return insertAll(target, rows, withoutSessions)
    })
    return report(counts, dryRun)
  } finally {
    await close()
  }
}

async function* readFrom({ process }: CommandContext, file: string): AsyncGenerator<Uint8Array> {
  if (file === '-') {
    yield* process.stdin
    return
  }
  try {
    yield* createReadStream(file)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new CommandError('file_not_found', `The file ${quote(file)} cannot be read (${code})`, { cause })
  }
}

async function requireSecret({ secret, previousSecret, dataDir }: Config, wanted: string): Promise<void> {
  const here = secret ?? (await loadSecret(dataDir))
  if (here !== null && deriveKeys(here, previousSecret, 'export').map(fingerprint).includes(wanted)) return
  throw new CommandError(
    'other_secret',
    `${here === null ? 'There is no AUTH_SECRET here' : 'AUTH_SECRET here differs from the secret of the export'}, and sessions and signing keys depend on it. Nothing was changed. Set AUTH_SECRET (or AUTH_PREVIOUS_SECRET) to the secret of the exported deployment: its AUTH_SECRET, or the content of the file secret in its data directory. To import without sessions and signing keys, add --without-sessions`,
  )
}

async function requireNoUsers(target: TransferTarget): Promise<void> {
  const users = await target.countUsers()
  if (users > 0)
    throw new CommandError(
      'users_exist',
      `The database has ${count(users, 'user')} already, and an export is imported into a database without users. Nothing was changed. Set DATABASE_URL or AUTH_DATA_DIR to another database`,
    )
}

const rowsAtOnce = 1000
const shown = 20

/** Inserts the rows of a file. Throws `invalid_export` with the rejected rows of the first table that has any. */
async function insertAll(
  target: TransferTarget,
  rows: AsyncIterable<TransferRow>,
  withoutSessions: boolean,
): Promise<TransferCounts> {
  const counts = noRows()
  const rejected: RejectedRow[] = []
  let batch: TransferRow[] = []
  const flush = async () => {
    rejected.push(...(await target.insert(batch)))
    batch = []
  }
  for await (const row of rows) {
    if (withoutSessions && (row.table === 'session' || row.table === 'signing_key')) continue
    if (batch.length === rowsAtOnce || (batch[0] && batch[0].table !== row.table)) await flush()
    if (rejected[0] && rejected[0].row.table !== row.table) break
    batch.push(row)
    counts[row.table] += 1
  }
  await flush()
  if (rejected.length > 0) throw invalidRows(rejected)
  return counts
}

function invalidRows(rejected: readonly RejectedRow[]): CommandError {
  const lines = rejected.slice(0, shown).map(({ row, reason }) => {
    const { id, kid, user_id: user } = JSON.parse(row.text).row
    return `  line ${row.line}, ${row.table} ${id ?? kid ?? user}: ${reason}`
  })
  const more = rejected.length > shown ? [`  … and ${rejected.length - shown} more`] : []
  return new CommandError(
    'invalid_export',
    `The database rejects ${count(rejected.length, 'row')} of the export. Nothing was changed. Correct the rows in the exported database, and export again:\n${[...lines, ...more].join('\n')}`,
  )
}

/** Returns the report in the form of the other imports. */
function report(rows: TransferCounts, dryRun: boolean): Output {
  return {
    document: {
      source: 'claimgate',
      dryRun,
      users: { read: rows.user, imported: rows.user, present: 0, anonymous: 0, refused: 0 },
      roles: { created: rows.role, granted: rows.user_role },
      identities: { linked: rows.identity },
      claims: { set: rows.user_claim },
      sessions: { imported: rows.session },
      keys: { imported: rows.signing_key },
      problems: { total: 0, counts: {}, kept: [] },
    },
    text: dryRun ? `To import: ${describe(rows)}.\nNothing was changed.` : `Imported ${describe(rows)}.`,
  }
}

function describe(rows: TransferCounts): string {
  return [
    count(rows.user, 'user'),
    count(rows.role, 'role'),
    count(rows.user_role, 'role grant'),
    count(rows.user_claim, 'claim'),
    count(rows.identity, 'provider identity', 'provider identities'),
    count(rows.session, 'session'),
    count(rows.signing_key, 'signing key'),
  ].join(', ')
}
