import { randomBytes } from 'node:crypto'
import type { ProfileIdentity } from '../context.ts'
import { storableText } from '../http/validate.ts'

const maxLength = 255
// Controls, line and paragraph separators, characters that change the direction of text, and invisible characters. The
// last two are the blank letters of Braille and Hangul.
const forbidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u3164]/u

// The joiners inside an emoji, and the non-joiner between the letters of a Persian word.
const joiner =
  /(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)\u200d(?=\p{Extended_Pictographic})|(?<=\p{Emoji})\ufe0f|(?<=\p{Script=Arabic})\u200c(?=\p{Script=Arabic})/gu

/** The schema of usernames: 1 to 255 code points, also in NFKC, which makes lookalikes equal. */
export const usernameSchema = storableText(2 * maxLength)
  .refine((name) => name !== '', 'is required')
  .refine(
    (name) => codePoints(name) <= maxLength && codePoints(name.normalize('NFKC')) <= maxLength,
    `has more than ${maxLength} characters`,
  )
  .refine((name) => !forbidden.test(name.replaceAll(joiner, '')), 'has a control or invisible character')
  .refine((name) => name.trim() === name, 'begins or ends with white space')
  .meta({ minLength: 1, maxLength, examples: ['ada'] })

/** The schema of e-mail addresses. It checks the syntax only. */
export const emailSchema = storableText(254)
  .refine((value) => /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(value), 'is not an e-mail address')
  // The part of the pattern that every JSON Schema validator supports.
  .meta({ pattern: '^[^\\s@]+@[^\\s@]+$', examples: ['ada@example.com'] })

/** Returns usernames for a new user of a provider: first the name at the provider, then names with a random suffix. */
export function* suggestUsernames(
  { subject, username, email }: ProfileIdentity,
  provider: string,
): Generator<string> {
  const wished = [username, email?.split('@')[0]].map(toUsername).find((name) => name !== null)
  const base = wished ?? toUsername(`${provider}-${subject}`) ?? provider
  if (wished) yield base
  for (let attempt = 0; attempt < 5; attempt++) yield `${base}-${randomBytes(3).toString('hex')}`
}

/** Shortens a provider's name, so that a random suffix fits; null for an invalid username. */
function toUsername(name = ''): string | null {
  const short = [...name.trim()].slice(0, 200).join('').trim()
  const isGood = [short, `${short}-000000`].every((each) => usernameSchema.safeParse(each).success)
  return isGood ? short : null
}

function codePoints(value: string): number {
  return [...value].length
}
