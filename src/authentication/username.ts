import { randomBytes } from 'node:crypto'
import { text } from '../http/text.ts'
import type { ProfileIdentity } from './provider.ts'

const maxLength = 255
// Controls, line and paragraph separators, and the marks that change the direction of the text around them.
const forbidden = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** A username: 1 to 255 code points, also in NFKC, where two that look alike are the same. */
export const usernameSchema = text(2 * maxLength)
  .refine((name) => name !== '', 'is required')
  .refine(
    (name) => codePoints(name) <= maxLength && codePoints(name.normalize('NFKC')) <= maxLength,
    `has more than ${maxLength} characters`,
  )
  .refine((name) => !forbidden.test(name), 'has a control character')
  .refine((name) => name.trim() === name, 'begins or ends with white space')

/** Names for a new user who comes from a provider, best first: what they are called there, then with a random ending. */
export function* suggestUsernames(
  { subject, username, email }: ProfileIdentity,
  provider: string,
): Generator<string> {
  const wished = [username, email?.split('@')[0]].map(toUsername).find((name) => name !== null)
  const base = wished ?? toUsername(`${provider}-${subject}`) ?? provider
  if (wished) yield base
  for (let attempt = 0; attempt < 5; attempt++) yield `${base}-${randomBytes(3).toString('hex')}`
}

/** A name that a provider gave, cut so that a random ending still fits; null when it cannot be a username. */
function toUsername(name = ''): string | null {
  const short = [...name.trim()].slice(0, 200).join('').trim()
  const isGood = [short, `${short}-000000`].every((each) => usernameSchema.safeParse(each).success)
  return isGood ? short : null
}

function codePoints(value: string): number {
  return [...value].length
}
