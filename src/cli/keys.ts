import type { Command } from 'commander'
import type { StoredKey } from '../stores/signing-keys.ts'
import { activateNow, publishNext, retireKey, signingTime } from '../tokens/key-administration.ts'
import { type PublicKey, parsePublicJwk } from '../tokens/key-pair.ts'
import { removalTime } from '../tokens/key-rotation.ts'
import type { SigningKeySettings } from '../tokens/keyring.ts'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { accepted, describePublished, registerKeyImport } from './keys-import.ts'
import { examples, type Output, showTime, table } from './output.ts'

/** Registers the `keys` commands. */
export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .summary('list, rotate, retire and import signing keys')
    .description(
      'The keys that sign access tokens: the active one signs, the next one is published before it does, and a retiring one stays published until its last token has expired.',
    )
  registerKeyList(keys, context)
  registerKeyRotation(keys, context)
  registerKeyImport(keys, context)
}

/** Registers `keys list`. */
function registerKeyList(keys: Command, context: CommandContext): void {
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

/** Registers `keys rotate` and `keys retire`. */
function registerKeyRotation(keys: Command, context: CommandContext): void {
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
