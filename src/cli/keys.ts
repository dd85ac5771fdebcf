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
      'The keys that sign access tokens: the active one signs, the next one is published before it does, and a retiring one stays published until its last token has expired.',
    )
  keys
    .command('list')
    .summary('list the published keys')
    .description('Lists the keys that the gateway publishes, and what becomes of each when.')
    .addHelpText('after', examples('claimgate keys list'))
    .action(onDeployment(context, async () => (await actions()).listKeys))
  keys
    .command('rotate')
    .summary('publish the next key, and say when it will sign')
    .description(
      'Publishes the next key, and says when the gateway will sign with it: after two AUTH_JWKS_MAX_AGE, so that Hasura knows it by then.',
    )
    .option('--now', 'let it sign at once, although Hasura may not know it yet')
    .addHelpText('after', examples('claimgate keys rotate', 'claimgate keys rotate --now'))
    .action(onDeployment(context, async () => (await actions()).rotateKeys, { mayCreate: true }))
  keys
    .command('retire')
    .summary('unpublish a key that does not sign')
    .description(
      'Takes a next or retiring key out of /jwks at once: tokens that it has signed stop working. Not the active key; keys rotate --now replaces that one.',
    )
    .argument('<kid>')
    .addHelpText('after', examples('claimgate keys retire FdFYFzERwC2uCBB46pZQi4GG85LujR8obt-KWRBICVQ'))
    .action(onDeployment(context, async () => (await actions()).retire))
  keys
    .command('import')
    .summary('publish a key that was made elsewhere as the next one')
    .description(
      'Stores an RSA private key, encrypted, as the next key. Its file is not needed any more then.',
    )
    .argument('<pem-file>', 'PKCS#1 or PKCS#8 in PEM, at least 2048 bits; - for standard input')
    .option('--kid <kid>', 'its name, if it is not to be the RFC 7638 thumbprint', parseKid)
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
