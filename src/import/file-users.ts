import * as z from 'zod'
import { emailSchema } from '../authentication/username.ts'
import { findClaimFault } from '../claims/claim-value.ts'
import type { ClaimsValues } from '../claims/hasura-claims.ts'
import { describeFault, splitRoles } from './fields.ts'
import { type FileFormat, type FileRow, readRows } from './file-rows.ts'
import type { FileOptions, FileSource, FileUser, Seen } from './file-source.ts'
import type { TextFile } from './file-text.ts'
import { readMember } from './member.ts'
import { ImportError, type Problem, type ProblemCode } from './problems.ts'
import type { BadRow, Note, SourceUser } from './read-users.ts'
import { createRepeatFinder, toUserId } from './user-id.ts'

/** The choices for members of a source. */
export type MemberChoices = {
  /** Name of a claim → path of the member with its value. */
  claims: ReadonlyMap<string, string>
  /** The form of claims in this deployment. */
  values: ClaimsValues | undefined
  /** The path of the member with the roles, in place of the members of the source. */
  rolesFrom?: string | undefined
}

/** A file of a source, with all that its reading needs. */
export type UserFile = {
  source: FileSource
  file: TextFile
  format: FileFormat
  options: FileOptions
  choices: MemberChoices
}

/** Returns the format of a file. Throws ImportError `layout` for a file that is not one of the source. */
export async function findFormat(source: FileSource, file: TextFile): Promise<FileFormat> {
  let start = ''
  for await (const text of file.read()) {
    start += text.trimStart()
    if (start.length >= 100) break
  }
  const format = source.findFormat(start)
  if (format === null) throw new ImportError('layout', `The file is not ${source.expected}.`)
  return format
}

const mostNames = 1000

/** Reads a file to its end. Throws ImportError for a file that cannot be imported, before anything is changed. */
export async function surveyFile({ source, file, format, options, choices }: UserFile): Promise<Seen> {
  const names = new Set<string>()
  const members = new Map<string, unknown>()
  const missing = new Set(pathsOf(choices))
  const onMember = (name: string, value: unknown) => void members.set(name, value)
  let rows = 0
  for await (const row of readRows(file.read(), format, { members: source.members ?? [], onMember })) {
    rows += 1
    if (!('value' in row) || typeof row.value !== 'object' || row.value === null) continue
    if (names.size < mostNames) for (const name of Object.keys(row.value)) names.add(name)
    for (const path of missing) if (readMember(row.value, path) !== undefined) missing.delete(path)
    source.check?.(row.value, options)
  }
  if (rows === 0 && format === 'users')
    throw new ImportError('layout', `The file has no users. It must be ${source.expected}.`)
  return { rows, names, members, missing: [...missing] }
}

/** Returns the paths of members that the operator chose. */
export function pathsOf({ claims, rolesFrom }: Pick<MemberChoices, 'claims' | 'rolesFrom'>): string[] {
  return [...claims.values(), ...(rolesFrom === undefined ? [] : [rolesFrom])]
}

/** Reads the users of a file, `size` at a time. */
export async function* readFileUsers(
  { source, file, format, options, choices }: UserFile,
  seen: Seen,
  size: number,
): AsyncGenerator<(SourceUser | BadRow)[]> {
  const read = source.createReader(seen, options)
  const isRepeated = createRepeatFinder()
  let page: (SourceUser | BadRow)[] = []
  for await (const row of readRows(file.read(), format)) {
    const user = readUser(row, source, read, { ...choices, isTable: format === 'csv' })
    if (user === null) continue
    const isKnown = 'id' in user && isRepeated(user.id)
    page.push(isKnown ? refuse('duplicate_id', row.place, user.id, user.username ?? user.email) : user)
    if (page.length < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

function refuse(code: ProblemCode, place: string, userId: string | null, detail: string | null): BadRow {
  const fault: Problem = { code, userId, place, username: null, detail: detail ?? '' }
  return { fault }
}

function readUser(
  row: FileRow,
  source: FileSource,
  read: (row: unknown) => FileUser | null,
  choices: MemberChoices & { isTable: boolean },
): SourceUser | BadRow | null {
  if ('fault' in row) return refuse('invalid_row', row.place, null, row.fault)
  if (typeof row.value !== 'object' || row.value === null || Array.isArray(row.value))
    return refuse('invalid_row', row.place, null, 'is not an object')
  let user: FileUser | null
  try {
    user = read(row.value)
  } catch (error) {
    if (error instanceof z.ZodError) return refuse('invalid_row', row.place, null, describeFault(error))
    throw error
  }
  if (user === null) return null
  const notes: Note[] = [...(user.notes ?? [])]
  const email = checkEmail(user.email, notes)
  const id = user.id ?? (user.username ?? user.email ?? '').normalize('NFKC').toLowerCase()
  if (id === '') return refuse('no_username', row.place, null, 'no id, username or e-mail address')
  const { rolesFrom } = choices
  const paths = rolesFrom === undefined ? source.rolePaths : [rolesFrom]
  return {
    ...user,
    id: toUserId(source.name, id),
    email,
    roles: [
      ...(rolesFrom === undefined ? user.roles : []),
      ...paths.flatMap((path) => readRoles(row.value, path, choices.isTable, notes)),
    ],
    identities: distinct(user.identities),
    claims: readClaims(row.value, choices, notes),
    place: row.place,
    notes,
  }
}

function checkEmail(email: string | null, notes: Note[]): string | null {
  if (email === null || emailSchema.safeParse(email).success) return email
  notes.push({ code: 'invalid_email', detail: email.slice(0, 40) })
  return null
}

const maxShown = 40

/** Returns the roles in the member at a path. A cell of a table may have several roles in one text. */
function readRoles(row: unknown, path: string, isTable: boolean, notes: Note[]): string[] {
  const value = readMember(row, path)
  if (isTable && typeof value === 'string' && Object.hasOwn(row as object, path)) return splitRoles(value)
  if (value === undefined || value === null) return []
  return (Array.isArray(value) ? value : [value]).flatMap((role: unknown) => {
    if (typeof role === 'string') return [role]
    notes.push({ code: 'invalid_role', detail: `${path} ${JSON.stringify(role).slice(0, maxShown)}` })
    return []
  })
}

/** Returns the custom claims of a row. A member that is missing, null or an empty text gives no claim. */
export function readClaims(
  row: unknown,
  { claims, values }: Pick<MemberChoices, 'claims' | 'values'>,
  notes: Note[],
): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [name, path] of claims) {
    const value = readMember(row, path)
    if (value === undefined || value === null || value === '') continue
    const fault = findClaimFault(value, values ?? 'text')
    if (fault === null) found[name] = value
    else notes.push({ code: 'invalid_claim', detail: `${name} ${fault}` })
  }
  return found
}

function distinct(identities: FileUser['identities']): SourceUser['identities'] {
  return [...new Map(identities.map((each) => [JSON.stringify(each), each])).values()]
}
