import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { importKey, type KeyRefusal, type PublishedKey, type Refused } from '../tokens/key-administration.ts'
import { createKeyPair, type KeyPair, parsePrivateKey } from '../tokens/key-pair.ts'
import { type CommandContext, print, withDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples, type Output, quote, showTime } from './output.ts'
import { readInput } from './terminal.ts'

/** Registers `keys import`. */
export function registerKeyImport(keys: Command, context: CommandContext): void {
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
      const pair = parse(await readPem(context, file), file, kid)
      const published = await withDeployment(
        context,
        async ({ keySettings, now }) => accepted(await importKey(keySettings, pair, now)),
        { mayCreate: true },
      )
      print(context, describePublished(published))
    })
}

async function readPem({ process }: CommandContext, file: string): Promise<string> {
  if (file === '-') return readInput(process)
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError('file_not_found', `The file ${quote(file)} cannot be read (${cause.code})`, {
      cause,
    })
  })
}

function parse(pem: string, file: string, kid: string | undefined): KeyPair {
  try {
    return createKeyPair(parsePrivateKey(pem), kid)
  } catch {
    const what = file === '-' ? 'The standard input' : `The file ${quote(file)}`
    throw new CommandError(
      'invalid_key',
      `${what} is not an unencrypted RSA private key in PEM of at least 2048 bits`,
    )
  }
}

function parseKid(value: string): string {
  if (!/^[!-~]{1,200}$/.test(value))
    throw new InvalidArgumentError('It must be 1 to 200 ASCII characters without spaces.')
  return value
}

const words: Record<KeyRefusal, string> = {
  other_secret:
    'The keys in the database are encrypted with another AUTH_SECRET; set it, or AUTH_PREVIOUS_SECRET, as the gateway has it',
  environment_key:
    'This key comes from the environment: change AUTH_PRIVATE_KEY, private.pem or AUTH_PREVIOUS_PUBLIC_KEYS instead',
  next_key_exists: 'There is a next key already; let it become active, or retire it first',
  key_exists: 'There is a key of that kid already',
  active_key: 'This key signs at the moment; claimgate keys rotate --now lets another one sign',
  key_not_found: 'There is no key',
}

/** What came of a change that was made. Throws the reason why it was not. */
export function accepted<T extends object>(result: T | Refused, kid?: string): T {
  if (!('refused' in result)) return result
  const { refused } = result
  throw new CommandError(
    refused,
    refused === 'key_not_found' && kid ? `${words[refused]} ${quote(kid)}` : words[refused],
  )
}

/** What to say of a key that will sign. */
export function describePublished(key: PublishedKey): Output {
  return { document: key, text: `${publication(key)} ${future(key)}` }
}

function publication({ kid, isNew }: PublishedKey): string {
  return isNew ? `The key ${kid} is published.` : `The key ${kid} is published already.`
}

function future({ state, signsAt }: PublishedKey): string {
  if (state === 'active') return 'It signs at once, because there was none before.'
  if (signsAt) return `A gateway signs with it from ${showTime(signsAt)}.`
  return 'It waits for AUTH_PRIVATE_KEY to be unset, which signs until then.'
}
