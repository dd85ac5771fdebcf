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
    text: table(headings, rows, 'No keys yet: the gateway creates the first key when it starts.'),
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

/** Returns the size of a key; null for an invalid row, so that the list also works when the gateway cannot start. */
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

/** Publishes the next key, or with `now` activates it at once. Throws the reason for a rejection. */
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
    warning: `Hasura rejects tokens of the new key until it reads /jwks again, for up to ${config.jwksMaxAge} seconds`,
  }
}

/** Unpublishes a key that does not sign. Throws the reason for a rejection. */
export async function retire({ keySettings, config }: OpenDeployment, kid: string): Promise<Output> {
  const { was } = accepted(await retireKey(keySettings, kid), kid)
  const text = `The key ${kid} is no longer published.`
  if (was === 'next') return { document: { kid, was }, text }
  const warning = `tokens of this key are no longer valid; Hasura rejects them within ${config.jwksMaxAge} seconds`
  return { document: { kid, was }, text, warning }
}

/** Stores the key of a file as the next key. Throws `file_not_found`, `invalid_key` and the reason for a rejection. */
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
    'The keys in the database are encrypted with another AUTH_SECRET; set AUTH_SECRET and AUTH_PREVIOUS_SECRET as in the gateway',
  environment_key:
    'This key comes from the environment: change AUTH_PRIVATE_KEY, private.pem or AUTH_PREVIOUS_PUBLIC_KEYS instead',
  next_key_exists: 'A next key already exists; wait until it is active, or retire it first',
  key_exists: 'A key with this kid already exists; give another --kid',
  active_key: 'This key is the signing key; replace it with: claimgate keys rotate --now',
  key_not_found: 'There is no key',
}

/** Returns the result of an accepted change. Throws the reason for a rejected change. */
function accepted<T extends object>(result: T | Refused, kid?: string): T {
  if (!('refused' in result)) return result
  const { refused } = result
  throw new CommandError(
    refused,
    refused === 'key_not_found' && kid ? `${words[refused]} ${quote(kid)}` : words[refused],
  )
}

/** Describes the published key. */
function describePublished(key: PublishedKey): Output {
  return { document: key, text: `${publication(key)} ${future(key)}` }
}

function publication({ kid, isNew }: PublishedKey): string {
  return isNew ? `The key ${kid} is published.` : `The key ${kid} is published already.`
}

function future({ state, signsAt }: PublishedKey): string {
  if (state === 'active') return 'It signs at once, because it is the first key.'
  if (signsAt) return `A gateway signs with it from ${showTime(signsAt)}.`
  return 'AUTH_PRIVATE_KEY signs until you unset it; then this key signs.'
}
