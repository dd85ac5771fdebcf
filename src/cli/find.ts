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

/** Finds the id of a role by name. Throws `role_not_found`. */
export async function findRole(roles: Pick<Roles, 'findId'>, name: string): Promise<string> {
  const id = await roles.findId(name)
  if (id !== null) return id
  throw new CommandError(
    'role_not_found',
    `There is no role ${quote(name)}; create it with: claimgate role create`,
  )
}
