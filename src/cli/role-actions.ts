import * as z from 'zod'
import { createHasuraClaims, isRoleName } from '../claims/hasura-claims.ts'
import { warnOfLength } from '../http/header-size.ts'
import { storableText, validate } from '../http/validate.ts'
import { findGrants } from '../stores/access.ts'
import { createRoles } from '../stores/roles.ts'
import { estimateLength } from '../tokens/access-token.ts'
import type { OpenDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findRole, findUser } from './find.ts'
import { type Output, quote, table } from './output.ts'

const roleName = storableText(255)
  .refine((name) => name !== '', 'is required')
  .refine(
    (name) => name === '' || isRoleName(name),
    'has a control character or white space at its ends, which no X-Hasura-Role header can carry',
  )

/** Creates a role. Throws `role_exists` and `validation_failed`. */
export async function createRole({ database, config }: OpenDeployment, name: string): Promise<Output> {
  validate(z.object({ role: roleName }), { role: name })
  const id = await createRoles(database).create(name)
  if (id === null)
    throw new CommandError('role_exists', `The role ${quote(name)} already exists; choose another name`)
  return {
    document: { id, name },
    text: `Created the role ${quote(name)}.`,
    warning: warnOfAdmin(name, config) ?? warnOfCharacters(name),
  }
}

/** Lists the roles with the number of their users. */
export async function listRoles({ database, config }: OpenDeployment): Promise<Output> {
  const roles = await createRoles(database).list()
  const rows = roles.map(({ id, name, users, defaultOf }) => [id, name, users, defaultOf])
  const roleTable = table(['ID', 'ROLE', 'USERS', 'DEFAULT OF'], rows, 'No roles.')
  const { defaultRole } = config.roles
  const text = `${roleTable}\nEvery active user also has the role ${quote(defaultRole)} (AUTH_DEFAULT_ROLE).`
  return { document: { roles, deploymentDefault: defaultRole }, text }
}

/** Grants a role to a user. Throws `user_not_found` and `role_not_found`. */
export async function grantRole(
  { database, config }: OpenDeployment,
  nameOrId: string,
  role: string,
): Promise<Output> {
  const roles = createRoles(database)
  const user = await findUser(database, nameOrId)
  const changed = await roles.grant(user.id, await findRole(roles, role))
  const text = `${quote(user.username)} ${changed ? 'now has' : 'already had'} the role ${quote(role)}.`
  const grants = await findGrants(database, user.id)
  const length = grants && estimateLength(user.username, createHasuraClaims(grants, config.roles), config)
  const warning = warnOfAdmin(role, config) ?? (length === null ? undefined : warnOfLength(length))
  return { document: { ...toDocument(user, role), changed }, text, warning }
}

/** Revokes a role of a user. Throws `user_not_found` and `role_not_found`. */
export async function revokeRole(
  { database, config }: OpenDeployment,
  nameOrId: string,
  role: string,
): Promise<Output> {
  const roles = createRoles(database)
  const user = await findUser(database, nameOrId)
  const { granted, byDefault } = await roles.revoke(user.id, await findRole(roles, role))
  const changed = granted || byDefault
  const done = changed ? 'no longer has' : 'did not have'
  const text = `${quote(user.username)} ${done} the role ${quote(role)}${byDefault ? ', which was their default' : ''}.`
  const warning =
    role === config.roles.defaultRole
      ? `every active user has the role ${quote(role)} (AUTH_DEFAULT_ROLE)`
      : undefined
  return { document: { ...toDocument(user, role), changed, wasDefault: byDefault }, text, warning }
}

/**
 * Sets the default role of a user who has this role. Without this check, a default role would also grant the role, because
 * it is an allowed role. Throws `user_not_found`, `role_not_found` and `role_not_granted`.
 */
export async function setDefault(
  { database, config }: OpenDeployment,
  nameOrId: string,
  role: string,
): Promise<Output> {
  const roles = createRoles(database)
  const user = await findUser(database, nameOrId)
  const roleId = await findRole(roles, role)
  if (role !== config.roles.defaultRole && !(await roles.has(user.id, roleId))) {
    throw new CommandError(
      'role_not_granted',
      `${quote(user.username)} does not have the role ${quote(role)}; grant it with: claimgate role grant`,
    )
  }
  await roles.setDefault(user.id, roleId)
  return {
    document: { id: user.id, username: user.username, defaultRole: role },
    text: `The default role of ${quote(user.username)} is now ${quote(role)}.`,
    warning: warnOfAdmin(role, config),
  }
}

/** Clears the default role of a user, so the default role of the deployment applies. Throws `user_not_found`. */
export async function clearDefault({ database, config }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  await createRoles(database).setDefault(id, null)
  const { defaultRole } = config.roles
  return {
    document: { id, username, defaultRole: null },
    text: `The default role of ${quote(username)} is now the default role of the deployment, ${quote(defaultRole)}.`,
  }
}

function toDocument({ id, username }: { id: string; username: string }, role: string) {
  return { id, username, role }
}

function warnOfAdmin(role: string, { roles }: OpenDeployment['config']): string | undefined {
  if (role !== 'admin' || roles.allowAdmin) return undefined
  return 'admin is the superuser of Hasura; tokens leave it out unless AUTH_ALLOW_ADMIN_ROLE is true'
}

/** Returns the warning about a name beyond ASCII: `fetch` of browsers sends it in another encoding, or not at all. */
function warnOfCharacters(role: string): string | undefined {
  if (/^[ -~]+$/.test(role)) return undefined
  return 'browsers cannot request this role by X-Hasura-Role, and Hasura v3 rejects the header: it is not ASCII'
}
