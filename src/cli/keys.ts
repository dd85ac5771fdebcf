import { type Command, InvalidArgumentError } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { examples } from './output.ts'

const actions = () => import('./key-actions.ts')

/** Registers the `keys` commands. */
export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .summary('list, rotate, retire and import signing keys')
    .description(
      'The signing keys of access tokens. The active key signs. The next key is published before it signs. A retiring key stays published until its last token has expired.',
    )
  keys
    .command('list')
    .summary('list the published keys')
    .description('Lists the published keys, with the next step of each and its time.')
    .addHelpText('after', examples('claimgate keys list'))
    .action(onDeployment(context, async () => (await actions()).listKeys))
  keys
    .command('rotate')
    .summary('publish the next key')
    .description(
      'Publishes the next key, and prints the time from which the gateway signs with it. After two AUTH_JWKS_MAX_AGE, Hasura has read it.',
    )
    .option('--now', 'sign with the next key at once; Hasura may not have read it yet')
    .addHelpText('after', examples('claimgate keys rotate', 'claimgate keys rotate --now'))
    .action(onDeployment(context, async () => (await actions()).rotateKeys, { mayCreate: true }))
  keys
    .command('retire')
    .summary('unpublish a key that does not sign')
    .description(
      'Removes a next or retiring key from /jwks at once; its tokens become invalid. Replace the active key with keys rotate --now.',
    )
    .argument('<kid>')
    .addHelpText('after', examples('claimgate keys retire FdFYFzERwC2uCBB46pZQi4GG85LujR8obt-KWRBICVQ'))
    .action(onDeployment(context, async () => (await actions()).retire))
  keys
    .command('import')
    .summary('publish the key of a file as the next key')
    .description('Stores an RSA private key, encrypted, as the next key. Delete the file afterwards.')
    .argument('<pem-file>', 'PKCS#1 or PKCS#8 in PEM, at least 2048 bits; - for standard input')
    .option('--kid <kid>', 'the key ID; the default is the RFC 7638 thumbprint', parseKid)
    .addHelpText(
      'after',
      examples('claimgate keys import private.pem', 'claimgate keys import - --kid 2025-06 < private.pem'),
    )
    .action(async (file: string, { kid }: { kid?: string }) => {
      await (await actions()).importKeyFile(context, file, kid)
    })
}

function parseKid(value: string): string {
  if (!/^[!-~]{1,200}$/.test(value))
    throw new InvalidArgumentError('It must be 1 to 200 ASCII characters without spaces.')
  return value
}
