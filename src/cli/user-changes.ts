import type { Command } from 'commander'
import type { Logger } from 'pino'
import { z } from 'zod'
import { createPasswordSchema } from '../authentication/password-policy.ts'
import type { Config } from '../config/config.ts'
import { validate } from '../http/validate.ts'
import { createUserAdmin } from '../stores/user-admin.ts'
import { createUsers } from '../stores/users.ts'
import { type CommandContext, type OpenDeployment, onDeployment, print, withDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findUser, userNotFound } from './find.ts'
import { examples, type Output, quote } from './output.ts'
import { confirm, readNewPassword } from './terminal.ts'

/** Registers `user set-password`, `activate`, `deactivate` and `delete`. */
export function registerUserChanges(user: Command, context: CommandContext): void {
  user
    .command('set-password')
    .summary('set a password and end all sessions')
    .description('Sets the password of a user, who may have had none, and ends all their sessions.')
    .argument('<user>')
    .option('--password-stdin', 'read the password from standard input instead of asking for it')
    .addHelpText('after', examples('claimgate user set-password alice --password-stdin < password.txt'))
    .action((nameOrId: string, { passwordStdin }: { passwordStdin?: true }) =>
      setPassword(context, nameOrId, passwordStdin === true),
    )
  user
    .command('activate')
    .summary('let a user sign in again')
    .description('Lets a user sign in again.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate user activate alice'))
    .action(onDeployment(context, setActive(true)))
  user
    .command('deactivate')
    .summary('end all sessions of a user, and let them sign in no more')
    .description('Ends all sessions of a user, and lets them sign in no more until they are activated.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate user deactivate alice'))
    .action(onDeployment(context, setActive(false)))
  user
    .command('delete')
    .summary('delete a user for good')
    .description('Deletes a user with their sessions, identities, roles and claims.')
    .argument('<user>')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('claimgate user delete alice --yes'))
    .action((nameOrId: string, { yes }: { yes?: true }) => deleteUser(context, nameOrId, yes === true))
}

async function setPassword(context: CommandContext, nameOrId: string, fromInput: boolean): Promise<void> {
  const config = await context.loadConfig()
  const password = await readNewPassword(context.process, fromInput)
  validate(z.object({ password: createPasswordSchema(config) }), { password })
  const { id, username } = await withDeployment(context, async ({ database }) => {
    const user = await findUser(database, nameOrId)
    const users = createUsers(database)
    const before = await users.findHash(user.id)
    const hash = await hashNewPassword(config, user.username, password, context.log)
    const isSet = await users.replaceHash(user.id, before, hash, '')
    if (isSet) return user
    throw new CommandError('changed_meanwhile', 'Somebody else has just changed this password; try again')
  })
  print(context, {
    document: { id, username },
    text: `Set the password of ${quote(username)}, and ended all sessions.`,
  })
}

function setActive(active: boolean) {
  return async ({ database }: OpenDeployment, nameOrId: string): Promise<Output> => {
    const { id, username } = await findUser(database, nameOrId)
    const changed = await createUserAdmin(database).setActive(id, active)
    const done = active
      ? `Activated ${quote(username)}.`
      : `Deactivated ${quote(username)}, and ended all sessions.`
    const text = changed ? done : `${quote(username)} was ${active ? 'active' : 'not active'} already.`
    return { document: { id, username, active, changed }, text }
  }
}

async function deleteUser(context: CommandContext, nameOrId: string, isSure: boolean): Promise<void> {
  const confirmed = isSure ? nameOrId : await confirmDeletion(context, nameOrId)
  const { id, username } = await withDeployment(context, async ({ database }) => {
    const user = await findUser(database, confirmed)
    if (!(await createUserAdmin(database).delete(user.id))) throw userNotFound(nameOrId)
    return user
  })
  print(context, { document: { id, username }, text: `Deleted ${quote(username)}.` })
}

/** Asks about the user whom a name means now, and returns their id. Nothing is held open while somebody thinks. */
async function confirmDeletion(context: CommandContext, nameOrId: string): Promise<string> {
  const { id, username } = await withDeployment(context, ({ database }) => findUser(database, nameOrId))
  await confirm(context.process, `Delete ${quote(username)} (${id}) for good?`)
  return id
}

/** Hashes a new password as the deployment hashes them. Throws `validation_failed` when its policy refuses it. */
export async function hashNewPassword(
  config: Config,
  username: string,
  password: string,
  log: Logger,
): Promise<string> {
  const [{ createPasswordHashes }, { loadPasswordPolicy }, { createBreachCheck }] = await Promise.all([
    import('../authentication/password-hash.ts'),
    import('../authentication/password-policy.ts'),
    import('../authentication/breached-passwords.ts'),
  ])
  const isBreached = createBreachCheck(config, globalThis.fetch, log)
  const requirePassword = await loadPasswordPolicy({ ...config, isBreached })
  await requirePassword(password, username, 'password')
  return createPasswordHashes({ ...config, concurrency: 1, queue: 1, wait: 1 }).hash(password)
}
