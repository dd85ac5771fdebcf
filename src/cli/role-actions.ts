import * as z from 'zod'
import { createHasuraClaims, isRoleName } from '../claims/hasura-claims.ts'
import { warnOfLength } from '../http/header-size.ts'
import { breaks, storableText, validate } from '../http/validate.ts'
import { findGrants } from '../stores/access.ts'
import { createProviderRoles } from '../stores/provider-roles.ts'
import { createRoles } from '../stores/roles.ts'
import type { UserName } from '../stores/user-admin.ts'
import { estimateLength } from '../tokens/access-token.ts'
import { type CommandContext, type OpenDeployment, print, withDeployment } from './context.ts'
import { CommandError, nameReference } from './failure.ts'
import { findRole, findUser, findUsers } from './find.ts'
import { count, type Output, printable, quote, table } from './output.ts'
import { confirm } from './terminal.ts'

const roleName = storableText(255)
  .refine((name) => name !== '', breaks('required', 'is required'))
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

/** The users of a command line; `isMany` for the output of many users, however many they are. */
export type NamedUsers = { names: readonly string[]; isMany: boolean }

/** Grants a role to users, to all of them or to none. Throws `user_not_found` and `role_not_found`. */
export async function grantRole(
  { database, config }: OpenDeployment,
  { names, isMany }: NamedUsers,
  role: string,
): Promise<Output> {
  const roles = createRoles(database)
  const users = await findUsers(database, names)
  const roleId = await findRole(roles, role, config.roles)
  const granted = await roles.grant(
    users.map(({ id }) => id),
    roleId,
  )
  const effects = new Map(granted.map((each) => [each.id, each]))
  const effectOn = ({ id }: UserName) => {
    const { isNew = false, provider = null } = effects.get(id) ?? {}
    return { changed: isNew || provider !== null, provider }
  }
  const [user] = users
  if (user === undefined || isMany) {
    const changed = users.filter((each) => effectOn(each).changed).length
    return {
      document: toDocuments(users, role, (each) => ({ changed: effectOn(each).changed })),
      text: summarize(changed, users, ['now has', 'now have'], 'already had', role),
      warning: warnOfAdmin(role, config),
    }
  }
  const { changed, provider } = effectOn(user)
  const name = quote(user.username)
  const text =
    provider === null
      ? `${name} ${changed ? 'now has' : 'already had'} the role ${quote(role)}.`
      : `${name} keeps the role ${quote(role)}, which the provider ${quote(provider)} had granted.`
  const grants = await findGrants(database, user.id)
  const length = grants && estimateLength(user.username, createHasuraClaims(grants, config.roles), config)
  const warning = warnOfAdmin(role, config) ?? (length === null ? undefined : warnOfLength(length))
  return { document: { ...toDocument(user, role), changed }, text, warning }
}

/** Revokes a role of users, of all of them or of none. Throws `user_not_found` and `role_not_found`. */
export async function revokeRole(
  { database, config }: OpenDeployment,
  { names, isMany }: NamedUsers,
  role: string,
): Promise<Output> {
  const roles = createRoles(database)
  const users = await findUsers(database, names)
  const roleId = await findRole(roles, role, config.roles, 'it cannot be revoked')
  const revoked = await roles.revoke(
    users.map(({ id }) => id),
    roleId,
  )
  const byId = new Map(revoked.map((each) => [each.id, each]))
  const effectOn = ({ id }: UserName) => {
    const { granted = false, byDefault = false } = byId.get(id) ?? {}
    return { changed: granted || byDefault, wasDefault: byDefault }
  }
  const provider = revoked.find((each) => each.provider !== null)?.provider
  const again =
    provider &&
    `${quote(provider)} grants it again at the next sign-in there; change the groups at the provider`
  const warning =
    role === config.roles.defaultRole
      ? `every active user has the role ${quote(role)} (AUTH_DEFAULT_ROLE)`
      : (again ?? undefined)
  const [user] = users
  if (user === undefined || isMany) {
    const changed = users.filter((each) => effectOn(each).changed).length
    return {
      document: toDocuments(users, role, effectOn),
      text: summarize(changed, users, ['no longer has', 'no longer have'], 'did not have', role),
      warning,
    }
  }
  const { changed, wasDefault } = effectOn(user)
  const done = changed ? 'no longer has' : 'did not have'
  const text = `${quote(user.username)} ${done} the role ${quote(role)}${wasDefault ? ', which was their default' : ''}.`
  return { document: { ...toDocument(user, role), changed, wasDefault }, text, warning }
}

/** Takes back all roles that a provider has granted, after confirmation. Throws `interrupted`. */
export async function revokeOfProvider(
  context: CommandContext,
  provider: string,
  isSure: boolean,
): Promise<void> {
  if (!isSure)
    await confirm(context.process, `Revoke all roles that the provider ${quote(provider)} has granted?`)
  const counts = await withDeployment(context, ({ database }) =>
    createProviderRoles(database).takeBack(provider),
  )
  print(context, {
    document: { provider, ...counts },
    text: `Revoked ${count(counts.roles, 'role grant')} of the provider ${quote(provider)}, of ${count(counts.users, 'user')}.`,
  })
}

/** Renames a role. Throws `role_not_found`, `role_exists` and `validation_failed`. */
export async function renameRole(
  { database, config }: OpenDeployment,
  name: string,
  newName: string,
): Promise<Output> {
  validate(z.object({ role: roleName }), { role: newName })
  const roles = createRoles(database)
  const id = await findRole(roles, name, config.roles, 'set AUTH_DEFAULT_ROLE to rename it')
  if (!(await roles.rename(id, newName)))
    throw new CommandError('role_exists', `The role ${quote(newName)} already exists; choose another name`)
  return {
    document: { id, name: newName, was: name },
    text: `Renamed the role ${quote(name)} to ${quote(newName)}. Rename it in the permissions of Hasura too.`,
    warning: warnOfDefault(name, config) ?? warnOfAdmin(newName, config) ?? warnOfCharacters(newName),
  }
}

/** Deletes a role with its grants after confirmation. Throws `role_not_found`, `still_referenced` and `interrupted`. */
export async function deleteRole(context: CommandContext, name: string, isSure: boolean): Promise<void> {
  if (!isSure) {
    const users = await withDeployment(context, (opened) => countUsers(opened, name))
    await confirm(context.process, `Delete the role ${quote(name)} of ${count(users, 'user')} permanently?`)
  }
  const output = await withDeployment(context, async (opened) => {
    const { database, config } = opened
    const users = await countUsers(opened, name)
    const roles = createRoles(database)
    const id = await findRole(roles, name, config.roles)
    await nameReference('role', () => roles.delete(id))
    return {
      document: { id, name, users },
      text: `Deleted the role ${quote(name)} of ${count(users, 'user')}.`,
      warning: warnOfDefault(name, config),
    }
  })
  print(context, output)
}

/** Counts the users with a role, granted or as their default. Throws `role_not_found`. */
async function countUsers({ database, config }: OpenDeployment, name: string): Promise<number> {
  const roles = createRoles(database)
  return roles.countUsers(await findRole(roles, name, config.roles, 'it cannot be deleted'))
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
  const clear = `set it as default with: claimgate role default ${printable(user.username)} --clear`
  const roleId = await findRole(roles, role, config.roles, clear)
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

function toDocuments(users: readonly UserName[], role: string, effect: (user: UserName) => object) {
  return { role, users: users.map((user) => ({ id: user.id, username: user.username, ...effect(user) })) }
}

/** Returns a sentence about many users: `2 users now have the role "editor", and 1 user already had it.` */
function summarize(
  changed: number,
  users: readonly UserName[],
  [one, many]: [string, string],
  unchanged: string,
  role: string,
): string {
  const others = users.length - changed
  const rest = others > 0 ? `, and ${count(others, 'user')} ${unchanged} it` : ''
  return `${count(changed, 'user')} ${changed === 1 ? one : many} the role ${quote(role)}${rest}.`
}

function warnOfDefault(role: string, { roles }: OpenDeployment['config']): string | undefined {
  if (role !== roles.defaultRole) return undefined
  return `AUTH_DEFAULT_ROLE still names ${quote(role)}, so every active user still has this role`
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
