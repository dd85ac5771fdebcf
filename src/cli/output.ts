import { unprintable } from '../observability/terminal-text.ts'

/** The output of a command: a document for programs, a text for people, and a warning. */
export type Output = { document: object; text: string; warning?: string | undefined }

type Cell = string | number | boolean | Date | null | undefined

/** Formats rows as aligned columns under their headings; returns `empty` without rows. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  empty: string,
): string {
  if (rows.length === 0) return empty
  return align([headings, ...rows.map((row) => row.map(show))])
}

/** Formats each name with its value on a line, aligned. */
export function list(entries: Record<string, Cell>): string {
  return align(Object.entries(entries).map(([name, value]) => [name, show(value)]))
}

/** Formats a time in UTC to the second. */
export function showTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`
}

/** Escapes control and format characters in text from outside, such as a username, because they can change the terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** Returns printable text in quotation marks. */
export function quote(text: string): string {
  return `"${printable(text)}"`
}

/** Formats a number with its noun: `1 session`, `2 sessions`. */
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

/** Formats the examples in the help text, one per line. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}
