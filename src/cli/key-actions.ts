import { readFile } from 'node:fs/promises'
import type { StoredKey } from '../stores/signing-keys.ts'
import {
  activateNow,
  importKey,
  type KeyRefusal,
  type PublishedKey,
  publishNext,
  type Refused,
  retireKey,
  signingTime,
} from '../tokens/key-administration.ts'
import {
  createKeyPair,
  type KeyPair,
  type PublicKey,
  parsePrivateKey,
  parsePublicJwk,
} from '../tokens/key-pair.ts'
import { removalTime } from '../tokens/key-rotation.ts'
import type { SigningKeySettings } from '../tokens/keyring.ts'
import { type CommandContext, type OpenDeployment, print, withDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { type Output, quote, showTime, table } from './output.ts'
import { readInput } from './terminal.ts'

/** Lists the keys that the gateway publishes. */
export async function listKeys({ keySettings }: OpenDeployment): Promise<Output> {
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

/** Publishes the next key, or with `now` lets it sign at once. Throws the reason why it does not. */
export async function rotateKeys(opened: OpenDeployment, { now }: { now?: true }): Promise<Output> {
  return now ? rotateNow(opened) : rotate(opened)
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

/** Unpublishes a key that does not sign. Throws the reason why it does not. */
export async function retire({ keySettings, config }: OpenDeployment, kid: string): Promise<Output> {
  const { was } = accepted(await retireKey(keySettings, kid), kid)
  const text = `The key ${kid} is not published any more.`
  if (was === 'next') return { document: { kid, was }, text }
  const warning = `tokens that it has signed work no longer; Hasura notices within ${config.jwksMaxAge} seconds`
  return { document: { kid, was }, text, warning }
}

/** Stores a key of a file as the next one. Throws `file_not_found`, `invalid_key` and the reason why it is not stored. */
export async function importKeyFile(
  context: CommandContext,
  file: string,
  kid: string | undefined,
): Promise<void> {
  const pair = parse(await readPem(context, file), file, kid)
  const published = await withDeployment(
    context,
    async ({ keySettings, now }) => accepted(await importKey(keySettings, pair, now)),
    { mayCreate: true },
  )
  print(context, describePublished(published))
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
function accepted<T extends object>(result: T | Refused, kid?: string): T {
  if (!('refused' in result)) return result
  const { refused } = result
  throw new CommandError(
    refused,
    refused === 'key_not_found' && kid ? `${words[refused]} ${quote(kid)}` : words[refused],
  )
}

/** What to say of a key that will sign. */
function describePublished(key: PublishedKey): Output {
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
