import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { importKey } from '../tokens/key-administration.ts'
import { createKeyPair, type KeyPair, parsePrivateKey } from '../tokens/key-pair.ts'
import { type CommandContext, print, withDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples } from './help.ts'
import { accepted, describePublished } from './key-words.ts'
import { quote } from './output.ts'
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
