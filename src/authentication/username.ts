import { randomBytes } from 'node:crypto'
import type { ProfileIdentity } from '../context.ts'
import { storableText } from '../http/validate.ts'

const maxLength = 255
// Controls, line and paragraph separators, characters that change the direction of text, and invisible characters. The
// last three are the blank letters of Braille and Hangul, and the frame of a keycap, which only an emoji may have.
const forbidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u3164]|\u20e3/u

// The emoji of Unicode's list. In any other place, a joiner or a selector of their style makes two names look the same.
const emoji = /\p{RGI_Emoji}/gv
const partOfEmoji = /\u200d|\ufe0f\u20e3?/g

// Arabic letters with Joining_Type R (join only the previous letter), and with U or C (join no letter).
const rightJoining = String.raw`\u0622-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06c0\u06c3-\u06cb\u06cd\u06cf\u06d2-\u06d3\u06d5\u06ee-\u06ef\u0759-\u075b\u076b-\u076c\u0771\u0773-\u0774\u0778-\u0779\u0870-\u0882\u088e\u08aa-\u08ac\u08ae\u08b1-\u08b2\u08b9`
const notJoining = String.raw`\u0621\u0674\u0883-\u0885\u0887\u08ad`
const arabicLetter = String.raw`(?=[\u0620-\u08ff])(?=\p{Script=Arabic})\p{Lo}`

// The non-joiner where it separates two letters of a Persian word that would join (RFC 5892, appendix A.1).
const nonJoiner = new RegExp(
  String.raw`(?<=(?![${rightJoining}${notJoining}])${arabicLetter}\p{Mn}*)\u200c(?=\p{Mn}*(?![${notJoining}])${arabicLetter})`,
  'gu',
)

function hasInvisible(name: string): boolean {
  const bare = name.replaceAll(emoji, (found) => found.replaceAll(partOfEmoji, '')).replaceAll(nonJoiner, '')
  return forbidden.test(bare)
}

/** The schema of usernames: 1 to 255 code points, also in NFKC, which makes lookalikes equal. */
export const usernameSchema = storableText(2 * maxLength)
  .refine((name) => name !== '', 'is required')
  .refine(
    (name) => codePoints(name) <= maxLength && codePoints(name.normalize('NFKC')) <= maxLength,
    `has more than ${maxLength} characters`,
  )
  .refine((name) => !hasInvisible(name), 'has a control or invisible character')
  .refine((name) => name.trim() === name, 'begins or ends with white space')
  .meta({ minLength: 1, maxLength, examples: ['ada'] })

export type UsernameRules = {
  /** True accepts new usernames with an `@`. */
  usernameAt: boolean
}

/** Creates the schema of the usernames that users choose, or get from their provider. */
export function createUsernameSchema({ usernameAt }: UsernameRules) {
  if (usernameAt) return usernameSchema
  return usernameSchema
    .refine((name) => !name.normalize('NFKC').includes('@'), 'must not have an @')
    .meta({ ...usernameSchema.meta(), pattern: '^[^@]*$' })
}

/** The schema of e-mail addresses. It checks the syntax only. */
export const emailSchema = storableText(254)
  .refine((value) => /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(value), 'is not an e-mail address')
  // The part of the pattern that every JSON Schema validator supports.
  .meta({ pattern: '^[^\\s@]+@[^\\s@]+$', examples: ['ada@example.com'] })

/** Returns usernames for a new user of a provider: first the name at the provider, then names with a random suffix. */
export function* suggestUsernames(
  { subject, username, email }: ProfileIdentity,
  provider: string,
  rules: UsernameRules,
): Generator<string> {
  const schema = createUsernameSchema(rules)
  const wished = [username, email?.split('@')[0]]
    .map((name) => toUsername(name, schema))
    .find((name) => name !== null)
  const base = wished ?? toUsername(`${provider}-${subject}`, schema) ?? provider
  if (wished) yield base
  for (let attempt = 0; attempt < 5; attempt++) yield `${base}-${randomBytes(3).toString('hex')}`
}

/** Shortens a provider's name, so that a random suffix fits; null for an invalid username. */
function toUsername(name = '', schema: typeof usernameSchema): string | null {
  const short = [...name.trim()].slice(0, 200).join('').trim()
  const isGood = [short, `${short}-000000`].every((each) => schema.safeParse(each).success)
  return isGood ? short : null
}

function codePoints(value: string): number {
  return [...value].length
}
