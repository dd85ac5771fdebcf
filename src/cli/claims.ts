import type { Command } from 'commander'
import { createHasuraClaims, createNamespace } from '../claims/hasura-claims.ts'
import { createWebhookAnswer } from '../endpoints/webhook.ts'
import { findGrants } from '../stores/access.ts'
import { setClaim, unsetClaim } from './claim-actions.ts'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findUser } from './find.ts'
import { examples } from './help.ts'
import { list, type Output, quote } from './output.ts'

/** Registers the `claims` commands. */
export function registerClaims(program: Command, context: CommandContext): void {
  const claims = program
    .command('claims')
    .summary('show and change what Hasura is told of a user')
    .description('What Hasura is told of a user. <user> is a username, in any case, or an id.')
  claims
    .command('set')
    .summary('give a user a claim')
    .description(
      "Gives a user the session variable x-hasura-<name>, from the next token and the webhook's next answer on. The value is JSON, or else text.",
    )
    .argument('<user>')
    .argument('<name>')
    .argument('<value>')
    .addHelpText(
      'after',
      examples('claimgate claims set alice org-id acme', "claimgate claims set alice team-ids '[3, 7]'"),
    )
    .action(onDeployment(context, setClaim))
  claims
    .command('unset')
    .summary('take a claim from a user')
    .argument('<user>')
    .argument('<name>')
    .addHelpText('after', examples('claimgate claims unset alice org-id'))
    .action(onDeployment(context, unsetClaim))
  claims
    .command('preview')
    .summary('show the claims of a user')
    .description(
      'Shows what Hasura reads in a token that the user would get now, and what the webhook would answer to it.',
    )
    .argument('<user>')
    .option('--role <role>', 'the x-hasura-role that the client asks the webhook for')
    .addHelpText(
      'after',
      examples('claimgate claims preview alice', 'claimgate claims preview alice --role editor'),
    )
    .action(onDeployment(context, preview))
}

async function preview(
  { database, config }: OpenDeployment,
  nameOrId: string,
  { role }: { role?: string },
): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const grants = await findGrants(database, id)
  if (grants === null) {
    throw new CommandError(
      'user_inactive',
      `${quote(username)} is deactivated: no token, and 401 from the webhook`,
    )
  }
  const claims = createHasuraClaims(grants, config.roles)
  if (role !== undefined && !claims.allowedRoles.includes(role)) {
    throw new CommandError(
      'role_denied',
      `${quote(username)} does not have the role ${quote(role)}: 401 from the webhook`,
    )
  }
  const { idle, absolute } = config.sessionLifetimes
  const token = createNamespace(claims, config)
  const webhook = createWebhookAnswer(claims, role, Math.min(config.accessTokenLifetime, idle, absolute))
  const { leftOut } = claims
  return {
    document: { id, username, token, webhook, leftOut },
    text: describe(token, webhook),
    warning:
      leftOut.length > 0 ? `left out, because Hasura must not see it: ${leftOut.join(', ')}` : undefined,
  }
}

function describe(token: Record<string, unknown>, webhook: Record<string, string>): string {
  const [[namespace, members]] = Object.entries(token) as [[string, Record<string, unknown> | string]]
  const inToken = typeof members === 'string' ? members : list(toLines(members))
  return `In the access token, under ${namespace}:\n\n${inToken}\n\nFrom the webhook:\n\n${list(webhook)}`
}

function toLines(members: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  )
}
