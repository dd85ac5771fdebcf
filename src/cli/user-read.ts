import { type Command, InvalidArgumentError } from 'commander'
import { createSessions } from '../stores/sessions.ts'
import { createUserAdmin } from '../stores/user-admin.ts'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { findUser, userNotFound } from './find.ts'
import { examples } from './help.ts'
import { list, type Output, printable, table } from './output.ts'

const maxPage = 1000

/** Registers `user list` and `user show`. */
export function registerUserRead(user: Command, context: CommandContext): void {
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
