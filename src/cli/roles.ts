import type { Command } from 'commander'
import { z } from 'zod'
import { text as storableText, validate } from '../http/validate.ts'
import { createRoles } from '../stores/roles.ts'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findRole, findUser } from './find.ts'
import { examples, type Output, quote, table } from './output.ts'

/** Registers the `role` commands. */
export function registerRole(program: Command, context: CommandContext): void {
  const role = program
    .command('role')
    .summary('make roles, and say who has them')
    .description(
      'Roles. <user> is a username, in any case, or an id. Changes reach tokens at their next refresh.',
    )
  role
    .command('create')
    .summary('make a role')
    .description('Makes a role of the name that the permissions in Hasura use.')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role create editor'))
    .action(onDeployment(context, createRole, { mayCreate: true }))
  role
    .command('list')
    .summary('list the roles')
    .description('Lists the roles, and how many users have each.')
    .addHelpText('after', examples('claimgate role list'))
    .action(onDeployment(context, listRoles))
  role
    .command('grant')
    .summary('give a role to a user')
    .description('Gives a role to a user; one who has it keeps it.')
    .argument('<user>')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role grant alice editor'))
    .action(onDeployment(context, grantRole))
  role
    .command('revoke')
    .summary('take a role from a user')
    .description(
      'Takes a role from a user. If it was their default role, that of the deployment takes its place.',
    )
    .argument('<user>')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role revoke alice editor'))
    .action(onDeployment(context, revokeRole))
  role
    .command('default')
    .summary('choose the role that a user has by default')
    .description(
      'Chooses one of the roles of a user as their default, or with --clear leaves it to the deployment.',
    )
    .argument('<user>')
    .argument('[role]')
    .option('--clear', 'use the default role of the deployment')
    .addHelpText(
      'after',
      examples('claimgate role default alice editor', 'claimgate role default alice --clear'),
    )
    .action((user: string, name: string | undefined, { clear = false }: { clear?: boolean }) => {
      if ((name === undefined) !== clear) throw new CommandError('usage', 'give either a role or --clear')
      return onDeployment(context, (opened) =>
        name === undefined ? clearDefault(opened, user) : setDefault(opened, user, name),
      )()
    })
}

const roleName = storableText(255)
  .refine((name) => name !== '', 'is required')
  .refine(
    (name) => !/\p{Cc}/u.test(name) && name.trim() === name,
    'has a control character or white space at its ends',
  )

/** Makes a role. Throws `role_exists` and `validation_failed`. */
async function createRole({ database, config }: OpenDeployment, name: string): Promise<Output> {
  validate(z.object({ role: roleName }), { role: name })
  const id = await createRoles(database).create(name)
  if (id === null) throw new CommandError('role_exists', `There is a role ${quote(name)} already`)
  return { document: { id, name }, text: `Made the role ${quote(name)}.`, warning: warnOfAdmin(name, config) }
}

/** Lists the roles with how many users have them. */
async function listRoles({ database, config }: OpenDeployment): Promise<Output> {
  const roles = await createRoles(database).list()
  const rows = roles.map(({ id, name, users, defaultOf }) => [id, name, users, defaultOf])
  const roleTable = table(['ID', 'ROLE', 'USERS', 'DEFAULT OF'], rows, 'No roles.')
  const { defaultRole } = config.roles
  const text = `${roleTable}\nEvery active user has the role ${quote(defaultRole)} besides (AUTH_DEFAULT_ROLE).`
  return { document: { roles, deploymentDefault: defaultRole }, text }
}

/** Gives a role to a user. Throws `user_not_found` and `role_not_found`. */
async function grantRole(
  { database, config }: OpenDeployment,
  nameOrId: string,
  role: string,
): Promise<Output> {
  const roles = createRoles(database)
  const user = await findUser(database, nameOrId)
  const changed = await roles.grant(user.id, await findRole(roles, role))
  const text = `${quote(user.username)} ${changed ? 'now has' : 'already had'} the role ${quote(role)}.`
  return { document: { ...toDocument(user, role), changed }, text, warning: warnOfAdmin(role, config) }
}

/** Takes a role from a user. Throws `user_not_found` and `role_not_found`. */
async function revokeRole(
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
 * Makes a role the default of a user who has it: a default role is one of the allowed ones, so setting it would
 * otherwise give it. Throws `user_not_found`, `role_not_found` and `role_not_granted`.
 */
async function setDefault(
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
      `${quote(user.username)} does not have the role ${quote(role)}; claimgate role grant gives it`,
    )
  }
  await roles.setDefault(user.id, roleId)
  return {
    document: { id: user.id, username: user.username, defaultRole: role },
    text: `The default role of ${quote(user.username)} is now ${quote(role)}.`,
    warning: warnOfAdmin(role, config),
  }
}

/** Leaves the default role of a user to the deployment. Throws `user_not_found`. */
async function clearDefault({ database, config }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  await createRoles(database).setDefault(id, null)
  const { defaultRole } = config.roles
  return {
    document: { id, username, defaultRole: null },
    text: `The default role of ${quote(username)} is now that of the deployment, ${quote(defaultRole)}.`,
  }
}

function toDocument({ id, username }: { id: string; username: string }, role: string) {
  return { id, username, role }
}

function warnOfAdmin(role: string, { roles }: OpenDeployment['config']): string | undefined {
  if (role !== 'admin' || roles.allowAdmin) return undefined
  return 'admin is the superuser of Hasura, and left out of all tokens unless AUTH_ALLOW_ADMIN_ROLE is true'
}
