import type { KeyRefusal, PublishedKey, Refused } from '../tokens/key-administration.ts'
import { CommandError } from './failure.ts'
import { type Output, quote, showTime } from './output.ts'

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
