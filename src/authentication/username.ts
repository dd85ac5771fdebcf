import { randomBytes } from 'node:crypto'
import type { ProfileIdentity } from '../context.ts'
import { storableText } from '../http/validate.ts'

const maxLength = 255
// Controls, line and paragraph separators, what changes the direction of the text around it, and what nobody sees: the
// last two are letters of Braille and Hangul without any ink.
const forbidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u3164]/u

// What holds one emoji together, and what Persian writes between the letters of one word.
const joiner =
  /(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)\u200d(?=\p{Extended_Pictographic})|(?<=\p{Emoji})\ufe0f|(?<=\p{Script=Arabic})\u200c(?=\p{Script=Arabic})/gu

/** A username: 1 to 255 code points, also in NFKC, where two that look alike are the same. */
export const usernameSchema = storableText(2 * maxLength)
  .refine((name) => name !== '', 'is required')
  .refine(
    (name) => codePoints(name) <= maxLength && codePoints(name.normalize('NFKC')) <= maxLength,
    `has more than ${maxLength} characters`,
  )
  .refine((name) => !forbidden.test(name.replaceAll(joiner, '')), 'has a control or invisible character')
  .refine((name) => name.trim() === name, 'begins or ends with white space')
  .meta({ minLength: 1, maxLength, examples: ['ada'] })

/** An e-mail address, as far as it can be told without writing to it. */
export const emailSchema = storableText(254)
  .refine((value) => /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(value), 'is not an e-mail address')
  // As much of it as every program that reads JSON Schema understands.
  .meta({ pattern: '^[^\\s@]+@[^\\s@]+$', examples: ['ada@example.com'] })

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
