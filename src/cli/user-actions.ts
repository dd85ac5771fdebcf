import type { Logger } from 'pino'
import * as z from 'zod'
import { createPasswordSchema } from '../authentication/password-policy.ts'
import { emailSchema, usernameSchema } from '../authentication/username.ts'
import type { Config } from '../config/config.ts'
import { validate } from '../http/validate.ts'
import { createRoles } from '../stores/roles.ts'
import { createSessionList } from '../stores/session-list.ts'
import { createUserAdmin } from '../stores/user-admin.ts'
import { exportUser } from '../stores/user-export.ts'
import { createUsers } from '../stores/users.ts'
import { type CommandContext, type OpenDeployment, print, withDeployment } from './context.ts'
import { CommandError, nameReference } from './failure.ts'
import { findRole, findUser, userNotFound } from './find.ts'
import { list, type Output, printable, quote, table } from './output.ts'
import { confirm, readNewPassword } from './terminal.ts'

/** The options of `user create`. */
export type CreateOptions = { passwordStdin?: true; email?: string; role: string[] }

/** Creates a user. Throws `role_not_found`, `username_taken` and `validation_failed`. */
export async function createUser(
  context: CommandContext,
  username: string,
  options: CreateOptions,
): Promise<void> {
  const config = await context.loadConfig()
  validate(z.object({ username: usernameSchema }), { username })
  const password = await readNewPassword(context.process, options.passwordStdin === true)
  const email = options.email ?? null
  const rules = z.object({ password: createPasswordSchema(config), email: emailSchema.nullable() })
  validate(rules, { password, email })

  const document = await withDeployment(
    context,
    async ({ database }) => {
      const roles = createRoles(database)
      const names = [...new Set(options.role)]
      const roleIds = await Promise.all(names.map((name) => findRole(roles, name, config.roles)))
      const hash = await hashNewPassword(config, username, password, await context.loadLog())
      const newUser = { username, password: hash, email }
      const id = await createUserAdmin(database).create(newUser, roleIds)
      return { id, username, email, roles: names.sort() }
    },
    { mayCreate: true },
  )
  const { id, roles } = document
  print(context, { document, text: list({ id, username, 'e-mail': email, roles: roles.join(', ') }) })
}

/** The options of `user list`. */
export type ListOptions = { limit: number; after?: string; search?: string; role?: string; inactive?: true }

/** Lists one page of users, sorted by name. Throws `role_not_found`. */
export async function listUsers(
  { database, config }: OpenDeployment,
  { limit, after, search, role, inactive }: ListOptions,
): Promise<Output> {
  const filter = {
    ...(search !== undefined && { search }),
    ...(role !== undefined && {
      roleId: await findRole(createRoles(database), role, config.roles, 'list the users without --role'),
    }),
    ...(inactive && { active: false }),
  }
  const found = await createUserAdmin(database).list(limit + 1, after, filter)
  const users = found.slice(0, limit)
  const next = found.length > limit ? (users.at(-1)?.username ?? null) : null
  const rows = users.map((user) => [
    user.id,
    user.username,
    user.email,
    user.active,
    user.roles.join(', '),
    user.createdAt,
  ])
  const page = table(['ID', 'USERNAME', 'E-MAIL', 'ACTIVE', 'ROLES', 'CREATED'], rows, 'No users.')
  const same = [
    ...(search === undefined ? [] : ['--search', search]),
    ...(role === undefined ? [] : ['--role', role]),
    ...(inactive ? ['--inactive'] : []),
  ]
  const more =
    next === null
      ? ''
      : `\nNext page: ${['claimgate user list', ...same, '--after', next].map(printable).join(' ')}`
  return { document: { users, next }, text: page + more }
}

/** Shows the data of a user. Throws `user_not_found`. */
export async function showUser({ database, config, now }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id } = await findUser(database, nameOrId)
  const user = await createUserAdmin(database).findDetails(id)
  if (user === null) throw userNotFound(nameOrId)
  const sessions = await createSessionList(database).count(id, now)
  const text = list({
    id,
    username: user.username,
    'e-mail': user.email && `${user.email} (${user.emailVerified ? 'verified' : 'not verified'})`,
    active: user.active,
    password: user.hasPassword,
    roles: user.roles.join(', '),
    'default role': user.defaultRole ?? `${config.roles.defaultRole} (of the deployment)`,
    identities: user.identities.map(({ provider, subject }) => `${provider} ${subject}`).join(', '),
    sessions,
    created: user.createdAt,
    updated: user.updatedAt,
  })
  return { document: { ...user, sessions }, text }
}

/** Prints the data of a user as JSON. Throws `user_not_found`. */
export async function exportOne({ database }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id } = await findUser(database, nameOrId)
  const document = await exportUser(database, id)
  if (document === null) throw userNotFound(nameOrId)
  return { document, text: JSON.stringify(document, null, 2) }
}

/** Renames a user. Throws `user_not_found`, `username_taken` and `validation_failed`. */
export async function renameUser(
  { database }: OpenDeployment,
  nameOrId: string,
  newName: string,
): Promise<Output> {
  validate(z.object({ username: usernameSchema }), { username: newName })
  const { id, username } = await findUser(database, nameOrId)
  await createUserAdmin(database).rename(id, newName)
  return {
    document: { id, username: newName, was: username },
    text: `Renamed ${quote(username)} to ${quote(newName)}.`,
  }
}

/** Sets or removes the e-mail address of a user. Throws `user_not_found`, `email_taken` and `validation_failed`. */
export async function setEmail(
  { database }: OpenDeployment,
  nameOrId: string,
  email: string | null,
  isVerified: boolean,
): Promise<Output> {
  validate(z.object({ email: emailSchema.nullable() }), { email })
  const { id, username } = await findUser(database, nameOrId)
  if (!(await createUserAdmin(database).setEmail(id, email, isVerified)))
    throw new CommandError(
      'email_taken',
      `Another user has verified the address ${quote(email ?? '')}; set it without --verified, or change that user first`,
    )
  const state = isVerified ? 'verified' : 'not verified'
  return {
    document: { id, username, email, emailVerified: isVerified },
    text:
      email === null
        ? `${quote(username)} has no e-mail address any more.`
        : `The e-mail address of ${quote(username)} is now ${printable(email)} (${state}).`,
  }
}

/** Sets the password of a user. Throws `user_not_found`, `changed_meanwhile` and `validation_failed`. */
export async function setPassword(
  context: CommandContext,
  nameOrId: string,
  fromInput: boolean,
): Promise<void> {
  const config = await context.loadConfig()
  const password = await readNewPassword(context.process, fromInput)
  validate(z.object({ password: createPasswordSchema(config) }), { password })
  const { id, username } = await withDeployment(context, async ({ database }) => {
    const user = await findUser(database, nameOrId)
    const users = createUsers(database)
    const before = await users.findHash(user.id)
    const hash = await hashNewPassword(config, user.username, password, await context.loadLog())
    const isSet = await users.replaceHash(user.id, before, hash, '')
    if (isSet) return user
    throw new CommandError('changed_meanwhile', 'The password was changed at the same time; try again')
  })
  print(context, {
    document: { id, username },
    text: `Set the password of ${quote(username)}, and ended all sessions.`,
  })
}

/** Activates or deactivates a user. Throws `user_not_found`. */
export function setActive(active: boolean) {
  return async ({ database }: OpenDeployment, nameOrId: string): Promise<Output> => {
    const { id, username } = await findUser(database, nameOrId)
    const changed = await createUserAdmin(database).setActive(id, active)
    const done = active
      ? `Activated ${quote(username)}.`
      : `Deactivated ${quote(username)}, and ended all sessions.`
    const text = changed ? done : `${quote(username)} was already ${active ? 'active' : 'deactivated'}.`
    return { document: { id, username, active, changed }, text }
  }
}

/** Deletes a user after confirmation. Throws `user_not_found`, `still_referenced` and `interrupted`. */
export async function deleteUser(context: CommandContext, nameOrId: string, isSure: boolean): Promise<void> {
  const confirmed = isSure ? nameOrId : await confirmDeletion(context, nameOrId)
  const { id, username } = await withDeployment(context, async ({ database }) => {
    const user = await findUser(database, confirmed)
    const isDeleted = await nameReference('user', () => createUserAdmin(database).delete(user.id))
    if (!isDeleted) throw userNotFound(nameOrId)
    return user
  })
  print(context, { document: { id, username }, text: `Deleted ${quote(username)}.` })
}

/** Asks for confirmation and returns the id of the user. The database is closed while the question is open. */
async function confirmDeletion(context: CommandContext, nameOrId: string): Promise<string> {
  const { id, username } = await withDeployment(context, ({ database }) => findUser(database, nameOrId))
  await confirm(context.process, `Delete ${quote(username)} (${id}) permanently?`)
  return id
}

/** Hashes a new password with the settings of the deployment. Throws `validation_failed` if the policy rejects it. */
async function hashNewPassword(
  config: Config,
  username: string,
  password: string,
  log: Logger,
): Promise<string> {
  const [
    { createPasswordHashes },
    { createHashThreads },
    { loadPasswordPolicy },
    { createBreachCheck },
    { createFetch },
  ] = await Promise.all([
    import('../authentication/password-hash.ts'),
    import('../authentication/hash-threads.ts'),
    import('../authentication/password-policy.ts'),
    import('../authentication/breached-passwords.ts'),
    import('../http/proxy-fetch.ts'),
  ])
  const isBreached = createBreachCheck(config, await createFetch(config.proxies), log)
  const requirePassword = await loadPasswordPolicy({ ...config, isBreached })
  await requirePassword(password, username, 'password')
  const threads = createHashThreads({ size: 1 })
  return createPasswordHashes({ ...config, threads }).hash(password, '')
}
