import type { Queries } from './layout.ts'
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
  roles: string[]
  identities: { provider: string; subject: string }[]
}

type Keyed<T> = T & { key: string }

/** Counts the users of the source. */
export async function countUsers({ query }: Pick<Source, 'query'>, { count }: Queries): Promise<number> {
  return (await query<{ total: number }>(count))[0]?.total ?? 0
}

/** Reads the users of a source in the order of their keys, `size` at a time. Only one page is in memory. */
export async function* readUsers(
  source: Pick<Source, 'query'>,
  queries: Queries,
  size: number,
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
    yield users.map(({ key, ...user }) => ({
      ...user,
      roles: (roles.get(key) ?? []).map(({ role }) => role),
      identities: (identities.get(key) ?? []).map(({ provider, subject }) => ({ provider, subject })),
    }))
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
