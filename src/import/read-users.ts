import type { RowQueries } from './layout.ts'
import type { Problem, ProblemCode } from './problems.ts'
import type { Source } from './source.ts'

/** A user of the source. `password` is the hash, `createdAt` PostgreSQL's text of a timestamp. */
export type SourceUser = {
  id: string
  username: string | null
  password: string | null
  email: string | null
  emailVerified: boolean
  active: boolean
  anonymous: boolean
  defaultRole: string | null
  createdAt: string | null
  /** The kind of the user's second factor, such as `totp`; null without one. */
  secondFactor: string | null
  /** True when the source asks for a verified e-mail address at a sign-in with a password. */
  mustVerify?: boolean
  roles: string[]
  identities: { provider: string; subject: string }[]
  /** The custom claims, by name. */
  claims?: Readonly<Record<string, unknown>>
  /** The line or the index of the row in a file. */
  place?: string
  /** Findings of the source itself. */
  notes?: readonly Note[]
}

/** A finding about a user. */
export type Note = { code: ProblemCode; detail: string }

/** A row that is no user, with the reason. */
export type BadRow = { fault: Problem }

type Keyed<T> = T & { key: string }

/** Counts the users of the source. */
export async function countUsers(
  { query }: Pick<Source, 'query'>,
  { count }: Pick<RowQueries, 'count'>,
): Promise<number> {
  return (await query<{ total: number }>(count))[0]?.total ?? 0
}

/**
 * Reads the users of a source in the order of their keys, `size` at a time. Only one page is in memory. `addRow` gets each
 * user with the whole row.
 */
export async function* readUsers(
  source: Pick<Source, 'query'>,
  queries: RowQueries,
  size: number,
  addRow?: (user: SourceUser, row: unknown) => SourceUser,
): AsyncGenerator<SourceUser[]> {
  let after: string | null = null
  for (;;) {
    const users: Keyed<SourceUser>[] = await source.query(queries.users, [after, size])
    const [first, last] = [users[0], users.at(-1)]
    if (first === undefined || last === undefined) return
    const range = [first.key, last.key]
    const roles = groupByKey(await source.query<Keyed<{ role: string }>>(queries.roles, range))
    const identities = groupByKey(
      queries.identities === null
        ? []
        : await source.query<Keyed<SourceUser['identities'][number]>>(queries.identities, range),
    )
    const rows = groupByKey(addRow ? await source.query<Keyed<{ row: unknown }>>(queries.rows, range) : [])
    const read = users.map(({ key, ...user }) => ({
      ...user,
      roles: (roles.get(key) ?? []).map(({ role }) => role),
      identities: (identities.get(key) ?? []).map(({ provider, subject }) => ({ provider, subject })),
    }))
    yield addRow ? read.map((user, index) => addRow(user, rows.get(users[index]?.key ?? '')?.[0]?.row)) : read
    after = last.key
  }
}

function groupByKey<T extends { key: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const group = groups.get(row.key)
    if (group) group.push(row)
    else groups.set(row.key, [row])
  }
  return groups
}
