import type { Database } from '../database/database.ts'
import type { Roles } from '../stores/roles.ts'
import { createUserAdmin, type UserName } from '../stores/user-admin.ts'
import { CommandError } from './failure.ts'
import { quote } from './output.ts'

/** Finds a user by username, in any case, or by id. Throws `user_not_found`. */
export async function findUser(database: Database, nameOrId: string): Promise<UserName> {
  const user = await createUserAdmin(database).find(nameOrId)
  if (user === null) throw userNotFound(nameOrId)
  return user
}

/** Creates the error for a user who does not exist. */
export function userNotFound(nameOrId: string): CommandError {
  return new CommandError(
    'user_not_found',
    `There is no user ${quote(nameOrId)}; list users with: claimgate user list`,
  )
}

const shown = 20

/** Finds users by username or by id. Throws `user_not_found` with the names that no user has. */
export async function findUsers(database: Database, names: readonly string[]): Promise<UserName[]> {
  const [only] = names
  if (names.length === 1 && only !== undefined) return [await findUser(database, only)]
  const found = await createUserAdmin(database).findMany(names)
  const missing = names.filter((_, at) => found[at] === null)
  if (missing.length === 0)
    return [...new Map(found.filter((user) => user !== null).map((user) => [user.id, user])).values()]
  const more = missing.length > shown ? ` and ${missing.length - shown} more` : ''
  throw new CommandError(
    'user_not_found',
    `There are no users ${missing.slice(0, shown).map(quote).join(', ')}${more}. Nothing was changed`,
  )
}

/** Finds the id of a role by name. Throws `role_not_found`, with what applies to the role of the deployment. */
export async function findRole(
  roles: Pick<Roles, 'findId'>,
  name: string,
  { defaultRole }: { defaultRole: string },
  cure = 'it needs no grant',
): Promise<string> {
  const id = await roles.findId(name)
  if (id !== null) return id
  if (name === defaultRole)
    throw new CommandError(
      'role_not_found',
      `Every active user has the role ${quote(name)} by AUTH_DEFAULT_ROLE, without a row; ${cure}`,
    )
  throw new CommandError(
    'role_not_found',
    `There is no role ${quote(name)}; create it with: claimgate role create`,
  )
}
