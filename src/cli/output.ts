/** What a command has to say: to programs, to people, and to people who should think again. */
export type Output = { document: object; text: string; warning?: string | undefined }

type Cell = string | number | boolean | Date | null | undefined

/** Rows of aligned columns under their headings, or `empty` when there are none. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  empty: string,
): string {
  if (rows.length === 0) return empty
  return align([headings, ...rows.map((row) => row.map(show))])
}

/** One line for each name and its value, aligned. */
export function list(entries: Record<string, Cell>): string {
  return align(Object.entries(entries).map(([name, value]) => [name, show(value)]))
}

/** A time as people read it, in UTC to the second. */
export function showTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`
}

/** Text that was written by others, such as a username, without what could move a terminal's cursor or turn text around. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

/** The same in quotation marks, for sentences. */
export function quote(text: string): string {
  return `"${printable(text)}"`
}

/** `1 session`, `2 sessions`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  )
  const pad = (cell: string, column: number) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}

function widthOf(text: string): number {
  return [...text].length
}

function show(value: Cell): string {
  if (value === null || value === undefined || value === '') return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return value instanceof Date ? showTime(value) : printable(String(value))
}

/** The text of `--help` under the options: one example a line. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}
