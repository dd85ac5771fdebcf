import type { Command } from 'commander'
import { z } from 'zod'
import { createPasswordSchema } from '../authentication/password-policy.ts'
import { emailSchema, usernameSchema } from '../authentication/username.ts'
import { validate } from '../http/validate.ts'
import { createRoles } from '../stores/roles.ts'
import { createUserAdmin } from '../stores/user-admin.ts'
import { type CommandContext, print, withDeployment } from './context.ts'
import { findRole } from './find.ts'
import { hashNewPassword } from './hash-password.ts'
import { examples } from './help.ts'
import { list } from './output.ts'
import { readNewPassword } from './terminal.ts'

type CreateOptions = { passwordStdin?: true; email?: string; role: string[] }

/** Registers `user create`. */
export function registerUserCreate(user: Command, context: CommandContext): void {
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
