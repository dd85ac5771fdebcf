import type { Command } from 'commander'
import { activateNow, publishNext, retireKey } from '../tokens/key-administration.ts'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { examples } from './help.ts'
import { accepted, describePublished } from './key-words.ts'
import type { Output } from './output.ts'

/** Registers `keys rotate` and `keys retire`. */
export function registerKeyRotation(keys: Command, context: CommandContext): void {
  keys
    .command('rotate')
    .summary('publish the next key, and say when it will sign')
    .description(
      'Publishes the next key, and says when the gateway will sign with it: after two AUTH_JWKS_MAX_AGE, so that Hasura knows it by then.',
    )
    .option('--now', 'let it sign at once, although Hasura may not know it yet')
    .addHelpText('after', examples('claimgate keys rotate', 'claimgate keys rotate --now'))
    .action(
      onDeployment(context, (opened, { now }: { now?: true }) => (now ? rotateNow(opened) : rotate(opened)), {
        mayCreate: true,
      }),
    )
  keys
    .command('retire')
    .summary('unpublish a key that does not sign')
    .description(
      'Takes a next or retiring key out of /jwks at once: tokens that it has signed stop working. Not the active key; keys rotate --now replaces that one.',
    )
    .argument('<kid>')
    .addHelpText('after', examples('claimgate keys retire FdFYFzERwC2uCBB46pZQi4GG85LujR8obt-KWRBICVQ'))
    .action(onDeployment(context, retire))
}

async function rotate({ keySettings, now }: OpenDeployment): Promise<Output> {
  return describePublished(accepted(await publishNext(keySettings, now)))
}

async function rotateNow({ keySettings, config, now }: OpenDeployment): Promise<Output> {
  const { kid, retired } = accepted(await activateNow(keySettings, now))
  const replaced =
    retired === null ? '' : ` The key ${retired} stays published until its last token has expired.`
  return {
    document: { kid, state: 'active', signsAt: now, retired },
    text: `The key ${kid} signs from now on.${replaced}`,
    warning: `until it has read /jwks again, which may take ${config.jwksMaxAge} seconds, Hasura refuses tokens that the new key has signed; other gateways do for two seconds`,
  }
}

async function retire({ keySettings, config }: OpenDeployment, kid: string): Promise<Output> {
  const { was } = accepted(await retireKey(keySettings, kid), kid)
  const text = `The key ${kid} is not published any more.`
  if (was === 'next') return { document: { kid, was }, text }
  const warning = `tokens that it has signed work no longer; Hasura notices within ${config.jwksMaxAge} seconds`
  return { document: { kid, was }, text, warning }
}
