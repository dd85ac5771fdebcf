import { type Command, InvalidArgumentError, Option } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples } from './output.ts'
import type { CreateOptions } from './user-actions.ts'

const actions = () => import('./user-actions.ts')

/** The greatest number of rows of a list on one page. */
export const maxPage = 1000

/** Registers the `user` commands. */
export function registerUser(program: Command, context: CommandContext): void {
  const user = program
    .command('user')
    .summary('create, list, change, export and delete users')
    .description('Users. <user> is a username, in any case, or an id.')
  user
    .command('create')
    .summary('create a user')
    .description('Creates a user. Username, password and e-mail address follow the rules of sign-up.')
    .argument('<username>')
    .option('--password-stdin', 'read the password from standard input')
    .option('--email <address>', 'store an unverified e-mail address')
    .addOption(
      new Option('--role <role>', 'grant an existing role; can be repeated')
        .argParser(collect)
        .default([], 'none'),
    )
    .addHelpText(
      'after',
      examples(
        'claimgate user create alice --role editor --email alice@example.com',
        'claimgate user create alice --password-stdin < password.txt',
      ),
    )
    .action(async (username: string, options: CreateOptions) => {
      await (await actions()).createUser(context, username, options)
    })
  user
    .command('list')
    .summary('list users by name')
    .description('Lists users, sorted by name.')
    .option('--limit <number>', `the number of users, at most ${maxPage}`, parseLimit, 100)
    .option('--after <username>', 'list the users after this name')
    .option('--search <text>', 'only users whose name or e-mail address begins with this, in any case')
    .option('--role <role>', 'only users with this role, granted or as their default role')
    .option('--inactive', 'only deactivated users')
    .addHelpText(
      'after',
      examples(
        'claimgate user list',
        'claimgate user list --limit 50 --after bob --json',
        'claimgate user list --search ali --role editor',
        'claimgate user list --inactive',
      ),
    )
    .action(onDeployment(context, async () => (await actions()).listUsers))
  user
    .command('show')
    .summary('show one user')
    .description('Shows the data of a user without the password.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate user show alice'))
    .action(onDeployment(context, async () => (await actions()).showUser))
  user
    .command('export')
    .summary('write the data of one user as JSON')
    .description(
      'Writes everything that is stored about a user as JSON: roles, claims, identities and sessions, without secrets.',
    )
    .argument('<user>')
    .addHelpText('after', examples('claimgate user export alice > alice.json'))
    .action(onDeployment(context, async () => (await actions()).exportOne))
  user
    .command('rename')
    .summary('change a username')
    .description('Changes the username, by the rules of sign-up. Sessions and sign-in by a provider go on.')
    .argument('<user>')
    .argument('<username>', 'the new username')
    .addHelpText('after', examples('claimgate user rename alice alicia'))
    .action(onDeployment(context, async () => (await actions()).renameUser))
  user
    .command('set-email')
    .summary('set or remove an e-mail address')
    .description(
      'Sets the e-mail address of a user, which is not verified unless you say so. A verified address has one user.',
    )
    .argument('<user>')
    .argument('[address]')
    .option('--verified', 'store the address as verified')
    .option('--clear', 'remove the address')
    .addHelpText(
      'after',
      examples(
        'claimgate user set-email alice alice@example.com',
        'claimgate user set-email alice alice@example.com --verified',
        'claimgate user set-email alice --clear',
      ),
    )
    .action((user: string, address: string | undefined, flags: { verified?: true; clear?: true }) => {
      const { verified = false, clear = false } = flags
      if ((address === undefined) !== clear || (clear && verified))
        throw new CommandError(
          'usage',
          'give either an address or --clear, and --verified only with an address',
        )
      return onDeployment(context, async () => {
        const { setEmail } = await actions()
        return (opened) => setEmail(opened, user, address ?? null, verified)
      })()
    })
  user
    .command('set-password')
    .summary('set a password and end all sessions')
    .description(
      'Sets the password of a user, with or without a password before, and ends all their sessions.',
    )
    .argument('<user>')
    .option('--password-stdin', 'read the password from standard input')
    .addHelpText('after', examples('claimgate user set-password alice --password-stdin < password.txt'))
    .action(async (nameOrId: string, { passwordStdin }: { passwordStdin?: true }) => {
      await (await actions()).setPassword(context, nameOrId, passwordStdin === true)
    })
  user
    .command('activate')
    .summary('allow a user to sign in again')
    .description('Allows a deactivated user to sign in again.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate user activate alice'))
    .action(onDeployment(context, async () => (await actions()).setActive(true)))
  user
    .command('deactivate')
    .summary('end all sessions of a user, and reject new sign-ins')
    .description('Ends all sessions of a user, and rejects new sign-ins until the user is activated.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate user deactivate alice'))
    .action(onDeployment(context, async () => (await actions()).setActive(false)))
  user
    .command('delete')
    .summary('delete a user permanently')
    .description('Deletes a user with their sessions, identities, roles and claims.')
    .argument('<user>')
    .option('--yes', 'delete without asking')
    .addHelpText('after', examples('claimgate user delete alice --yes'))
    .action(async (nameOrId: string, { yes }: { yes?: true }) => {
      await (await actions()).deleteUser(context, nameOrId, yes === true)
    })
}

/** Parses the option `--limit`. */
export function parseLimit(value: string): number {
  const limit = /^\d{1,4}$/.test(value) ? Number(value) : 0
  if (limit < 1 || limit > maxPage)
    throw new InvalidArgumentError(`It must be a number from 1 to ${maxPage}.`)
  return limit
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}
