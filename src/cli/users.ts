import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { createPasswordSchema } from '../authentication/password-policy.ts'
import { emailSchema, usernameSchema } from '../authentication/username.ts'
import { validate } from '../http/validate.ts'
import { createRoles } from '../stores/roles.ts'
import { createSessions } from '../stores/sessions.ts'
import { createUserAdmin } from '../stores/user-admin.ts'
import { type CommandContext, type OpenDeployment, onDeployment, print, withDeployment } from './context.ts'
import { findRole, findUser, userNotFound } from './find.ts'
import { examples, list, type Output, printable, table } from './output.ts'
import { readNewPassword } from './terminal.ts'
import { hashNewPassword, registerUserChanges } from './user-changes.ts'

/** Registers the `user` commands. */
export function registerUser(program: Command, context: CommandContext): void {
  const user = program
    .command('user')
    .summary('make, list, change and delete users')
    .description('Users. <user> is a username, in any case, or an id.')
  registerUserCreate(user, context)
  registerUserRead(user, context)
  registerUserChanges(user, context)
}

const maxPage = 1000

/** Registers `user list` and `user show`. */
function registerUserRead(user: Command, context: CommandContext): void {
  user
    .command('list')
    .summary('list users by name')
    .description('Lists users in the order of their names.')
    .option('--limit <number>', `how many, at most ${maxPage}`, parseLimit, 100)
    .option('--after <username>', 'begin after this name')
    .addHelpText(
      'after',
      examples('claimgate user list', 'claimgate user list --limit 50 --after bob --json'),
    )
    .action(onDeployment(context, listUsers))
  user
    .command('show')
    .summary('show one user')
    .description('Shows what the database has of a user, but for their password.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate user show alice'))
    .action(onDeployment(context, showUser))
}

async function listUsers(
  { database }: OpenDeployment,
  { limit, after }: { limit: number; after?: string },
): Promise<Output> {
  const found = await createUserAdmin(database).list(limit + 1, after)
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
  const more = next === null ? '' : `\nThere are more: claimgate user list --after ${printable(next)}`
  return { document: { users, next }, text: page + more }
}

async function showUser({ database, config, now }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id } = await findUser(database, nameOrId)
  const user = await createUserAdmin(database).describe(id)
  if (user === null) throw userNotFound(nameOrId)
  const sessions = await createSessions(database, config.sessionLifetimes).list(id, now)
  const text = list({
    id,
    username: user.username,
    'e-mail': user.email && `${user.email} (${user.emailVerified ? 'verified' : 'not verified'})`,
    active: user.active,
    password: user.hasPassword,
    roles: user.roles.join(', '),
    'default role': user.defaultRole ?? `${config.roles.defaultRole} (of the deployment)`,
    identities: user.identities.map(({ provider, subject }) => `${provider} ${subject}`).join(', '),
    sessions: sessions.length,
    created: user.createdAt,
    updated: user.updatedAt,
  })
  return { document: { ...user, sessions: sessions.length }, text }
}

function parseLimit(value: string): number {
  const limit = /^\d{1,4}$/.test(value) ? Number(value) : 0
  if (limit < 1 || limit > maxPage)
    throw new InvalidArgumentError(`It must be a number from 1 to ${maxPage}.`)
  return limit
}

type CreateOptions = { passwordStdin?: true; email?: string; role: string[] }

/** Registers `user create`. */
function registerUserCreate(user: Command, context: CommandContext): void {
  user
    .command('create')
    .summary('make a user')
    .description('Makes a user. Username, password and e-mail address follow the rules of sign-up.')
    .argument('<username>')
    .option('--password-stdin', 'read the password from standard input instead of asking for it')
    .option('--email <address>', 'note an e-mail address, unverified')
    .option('--role <role>', 'give a role that exists; can be repeated', collect, [])
    .addHelpText(
      'after',
      examples(
        'claimgate user create alice --role editor --email alice@example.com',
        'claimgate user create alice --password-stdin < password.txt',
      ),
    )
    .action((username: string, options: CreateOptions) => create(context, username, options))
}

async function create(context: CommandContext, username: string, options: CreateOptions): Promise<void> {
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
      const roleIds = await Promise.all(names.map((name) => findRole(roles, name)))
      const hash = await hashNewPassword(config, username, password, context.log)
      const newUser = { username, password: hash, email }
      const id = await createUserAdmin(database).create(newUser, roleIds)
      return { id, username, email, roles: names.sort() }
    },
    { mayCreate: true },
  )
  const { id, roles } = document
  print(context, { document, text: list({ id, username, 'e-mail': email, roles: roles.join(', ') }) })
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}
