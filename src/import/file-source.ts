import type { FileFormat } from './file-rows.ts'
import type { HashConfig } from './firebase-hash.ts'
import type { SourceUser } from './read-users.ts'
import type { SourceName } from './source-names.ts'

/** A user of a file, as the source writes it. */
export type FileUser = Omit<SourceUser, 'id' | 'claims' | 'place'> & {
  /** The id at the source; null when the username or the address is the only name. */
  id: string | null
}

/** The options of a file. */
export type FileOptions = {
  /** The hashes of users by their id at the source, from a second file. */
  passwords?: ReadonlyMap<string, string>
  hashConfig?: HashConfig
  withoutPasswords: boolean
  /** Now, in milliseconds. */
  now: number
}

/** The findings of the first reading of a file. */
export type Seen = {
  rows: number
  /** The names of the members of rows; at most a thousand. */
  names: ReadonlySet<string>
  /** The wanted members beside `users`. */
  members: ReadonlyMap<string, unknown>
  /** The paths of --claim and --roles-from that no row has. */
  missing: readonly string[]
}

/** A program whose users are imported from a file. */
export type FileSource = {
  name: SourceName
  /** Returns the format of a file by its first characters; null for another file. */
  findFormat(start: string): FileFormat | null
  /** The description of the file for an error message. */
  expected: string
  /** The members of a JSON object that are wanted beside `users`. */
  members?: readonly string[]
  /** The paths of the members with roles, in addition to the roles of a user. */
  rolePaths: readonly string[]
  /** Throws ImportError for a row that shows that the file or an option is wrong. */
  check?(row: unknown, options: FileOptions): void
  /** Returns remarks on the file for the report, such as what it does not have. */
  remark?(seen: Seen, used: readonly string[]): string[]
  /** Creates the function that reads a row; null for a row that is no user. It throws ZodError for an invalid row. */
  createReader(seen: Seen, options: FileOptions): (row: unknown) => FileUser | null
}
