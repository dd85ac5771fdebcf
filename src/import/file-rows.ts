import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { splitLines } from './file-text.ts'
import { ImportError, shorten } from './problems.ts'

/** The shape of a file: a table, a JSON value on each line, a JSON array, or a JSON object with the array `users`. */
export type FileFormat = 'csv' | 'lines' | 'array' | 'users'

/** A row of a file, or the reason why it cannot be read. `place` is its line, or its index in the array. */
export type FileRow = { place: string } & ({ value: unknown } | { fault: string })

/** Options of reading. `members` are the members of a JSON object that are wanted beside `users`. */
export type RowOptions = { members?: readonly string[]; onMember?: (name: string, value: unknown) => void }

/**
 * Reads the rows of a file one after the other, in constant memory. Throws ImportError `layout` where no further row can
 * be told from the others, such as in a truncated array.
 */
export function readRows(
  texts: AsyncIterable<string>,
  format: FileFormat,
  options: RowOptions = {},
): AsyncGenerator<FileRow> {
  if (format === 'csv') return readTable(texts)
  if (format === 'lines') return readJsonLines(texts)
  return readJson(texts, format, options)
}

async function* readJsonLines(texts: AsyncIterable<string>): AsyncGenerator<FileRow> {
  let number = 0
  for await (const line of splitLines(texts, 'The file has a line of more than 10 million characters.')) {
    number += 1
    if (line.trim() === '') continue
    const place = `line ${number}`
    try {
      yield { place, value: JSON.parse(line) }
    } catch {
      yield { place, fault: 'is not JSON' }
    }
  }
}

async function* readJson(
  texts: AsyncIterable<string>,
  format: 'array' | 'users',
  { members = [], onMember }: RowOptions,
): AsyncGenerator<FileRow> {
  const { JSONParser } = await import('@streamparser/json')
  const isArray = format === 'array'
  const nameOf = (key: unknown) => (isArray ? `[${key}]` : `users[${key}]`)
  const paths = isArray ? ['$.*'] : ['$.users.*', ...members.map((name) => `$.${name}`)]
  const parser = new JSONParser({ paths, keepStack: false })
  let ready: FileRow[] = []
  let last = 'the beginning'
  parser.onValue = ({ key, value, stack }) => {
    if (!isArray && stack.length === 1) {
      onMember?.(String(key), value)
      return
    }
    last = nameOf(key)
    ready.push({ place: last, value })
  }
  const parse = (work: () => void) => {
    try {
      work()
    } catch (cause) {
      throw new ImportError('layout', `The file is not valid JSON after ${last}, or it is incomplete.`, cause)
    }
  }
  for await (const text of texts) {
    // The parser refuses the line break after the end of the value.
    parse(() => {
      if (!parser.isEnded || text.trim() !== '') parser.write(text)
    })
    yield* ready
    ready = []
  }
  parse(() => {
    if (!parser.isEnded) parser.end()
  })
}

// In characters: the longest row of a table.
const longestRow = 1_000_000

async function* readTable(texts: AsyncIterable<string>): AsyncGenerator<FileRow> {
  const { parse } = await import('csv-parse')
  const parts = withLineFeeds(texts)
  // The first line says which character is between the columns.
  let start = ''
  while (!start.includes('\n') && start.length <= longestRow) {
    const { value, done } = await parts.next()
    if (done) break
    start += value
  }
  let endless: ImportError | undefined
  const faults = new Map<number, FileRow>()
  const parser = parse({
    delimiter: findDelimiter(start),
    record_delimiter: '\n',
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longestRow,
    skip_records_with_error: true,
    on_skip: (error) => {
      const found = Number(error?.lines)
      if (error?.code === 'INVALID_OPENING_QUOTE')
        faults.set(found, { place: `line ${found}`, fault: 'has a quotation mark inside a text' })
      else
        endless ??= new ImportError(
          'layout',
          `A quoted text of the file, in or before line ${found}, does not end where its column ends. Double the quotation marks inside quoted texts.`,
        )
    },
  })
  const all = async function* () {
    yield start
    yield* parts
  }
  // The loop throws the error of the input, too.
  pipeline(Readable.from(all()), parser).catch(() => {})
  let header: string[] | undefined
  const records: AsyncIterable<{ record: string[]; info: { lines: number } }> = parser
  for await (const { record, info } of records) {
    if (endless) throw endless
    yield* takeAll(faults)
    if (header === undefined) header = readHeader(record)
    else yield toRow(header, record, `line ${info.lines - breaksIn(record)}`)
  }
  if (endless) throw endless
  yield* takeAll(faults)
  if (header === undefined)
    throw new ImportError('layout', 'The file is empty. Its first line must be a header.')
}

/** Yields the text with line feeds alone between its lines, by which the parser counts them. */
async function* withLineFeeds(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const text of texts) {
    const all = rest + text
    rest = all.endsWith('\r') ? '\r' : ''
    yield all.slice(0, all.length - rest.length).replaceAll('\r\n', '\n')
  }
  if (rest !== '') yield rest
}

function* takeAll(rows: Map<number, FileRow>): Generator<FileRow> {
  yield* rows.values()
  rows.clear()
}

function toRow(header: readonly string[], record: readonly string[], place: string): FileRow {
  if (record.length !== header.length)
    return { place, fault: `has ${record.length} columns, and the header has ${header.length}` }
  return { place, value: Object.fromEntries(header.map((name, index) => [name, record[index]])) }
}

function breaksIn(record: readonly string[]): number {
  return record.join().split('\n').length - 1
}

function findDelimiter(text: string): string {
  const [first = ''] = text.split('\n')
  return [',', ';', '\t'].find((delimiter) => first.includes(delimiter)) ?? ','
}

function readHeader(names: readonly string[]): string[] {
  const header = names.map((name) => name.trim())
  const repeated = header.find((name, index) => header.indexOf(name) !== index)
  if (repeated !== undefined)
    throw new ImportError(
      'layout',
      `The header of the file has the column ${JSON.stringify(shorten(repeated, 60))} twice.`,
    )
  return header
}
