import type { Command } from 'commander'
import type { StoredKey } from '../stores/signing-keys.ts'
import { signingTime } from '../tokens/key-administration.ts'
import { type PublicKey, parsePublicJwk } from '../tokens/key-pair.ts'
import { removalTime } from '../tokens/key-rotation.ts'
import type { SigningKeySettings } from '../tokens/keyring.ts'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { examples } from './help.ts'
import { type Output, showTime, table } from './output.ts'

/** Registers `keys list`. */
export function registerKeyList(keys: Command, context: CommandContext): void {
  keys
    .command('list')
    .summary('list the published keys')
    .description('Lists the keys that the gateway publishes, and what becomes of each when.')
    .addHelpText('after', examples('claimgate keys list'))
    .action(onDeployment(context, listKeys))
}

async function listKeys({ keySettings }: OpenDeployment): Promise<Output> {
  const { environmentKey, previousKeys, store } = keySettings
  const keys = [
    ...(environmentKey ? [describeGiven(environmentKey, 'environment', 'active')] : []),
    ...(await store.list()).map((key) => describeStored(key, keySettings)),
    ...previousKeys.map((key) => describeGiven(key, 'environment', 'previous')),
  ]
  const rows = keys.map((key) => [
    key.kid,
    key.source,
    key.state,
    key.signs,
    key.bits,
    key.createdAt,
    nextStep(key),
  ])
  const headings = ['KID', 'FROM', 'STATE', 'SIGNS', 'BITS', 'CREATED', 'NEXT']
  return {
    document: { keys },
    text: table(headings, rows, 'No keys yet: the gateway makes the first one when it starts.'),
  }
}

function describeStored(key: StoredKey, settings: SigningKeySettings) {
  const { kid, state, publicJwk, createdAt, activeAt, retiringAt } = key
  return {
    kid,
    source: 'database',
    state,
    signs: state === 'active' && settings.environmentKey === null,
    bits: bitsOf(publicJwk),
    createdAt,
    activeAt,
    retiringAt,
    signsAt: state === 'next' ? signingTime(settings, createdAt) : null,
    removedAt: retiringAt && removalTime(retiringAt, key),
  }
}

type KeyLine = Omit<ReturnType<typeof describeStored>, 'state' | 'createdAt'> & {
  state: string
  createdAt: Date | null
}

function describeGiven({ kid, publicKey }: PublicKey, source: string, state: 'active' | 'previous'): KeyLine {
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? null
  const times = { createdAt: null, activeAt: null, retiringAt: null, signsAt: null, removedAt: null }
  return { kid, source, state, signs: state === 'active', bits, ...times }
}

/** Null for a row that is not a key: the list must also work when the gateway cannot. */
function bitsOf(publicJwk: Record<string, unknown>): number | null {
  try {
    return parsePublicJwk(publicJwk).asymmetricKeyDetails?.modulusLength ?? null
  } catch {
    return null
  }
}

function nextStep({ signsAt, removedAt }: KeyLine): string | null {
  if (signsAt) return `signs from ${showTime(signsAt)}`
  return removedAt && `removed after ${showTime(removedAt)}`
}
