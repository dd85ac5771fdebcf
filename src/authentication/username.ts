import { randomBytes } from 'node:crypto'
import type { ProfileIdentity } from '../context.ts'
import { breaks, storableText } from '../http/validate.ts'

const maxLength = 255
// Controls, line and paragraph separators, characters that change the direction of text, and invisible characters. The
// last three are the blank letters of Braille and Hangul, and the frame of a keycap, which only an emoji may have.
const forbidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u3164]|\u20e3/u

// Characters of Unicode 14 to 17 that a normalization changes, reorders or composes. PostgreSQL 13 has Unicode 13, so such
// a name would have different keys before and after an upgrade of the server. The same is true of unassigned characters.
const unsettledRanges = String.raw`\u{897}-\u{89f}\u{8ca}-\u{8d2}\u{c3c}\u{1715}\u{1ac1}-\u{1add}\u{1ae0}-\u{1aeb}\u{1dfa}\u{a7f1}-\u{a7f4}\u{105c9}\u{105d2}\u{105da}\u{105e4}\u{10781}-\u{10785}\u{10787}-\u{107b0}\u{107b2}-\u{107ba}\u{10d69}-\u{10d6d}\u{10efa}-\u{10efb}\u{10efd}-\u{10eff}\u{10f82}-\u{10f85}\u{11070}\u{11382}-\u{11385}\u{1138b}\u{1138e}\u{11390}-\u{11391}\u{113b8}\u{113bb}\u{113c2}\u{113c5}\u{113c7}-\u{113c9}\u{113ce}-\u{113d0}\u{11f41}-\u{11f42}\u{1611e}-\u{16129}\u{1612f}\u{16d63}\u{16d67}-\u{16d6a}\u{1ccd6}-\u{1ccf9}\u{1e030}-\u{1e06d}\u{1e08f}\u{1e2ae}\u{1e4ec}-\u{1e4ef}\u{1e5ee}-\u{1e5ef}\u{1e6e3}\u{1e6e6}\u{1e6ee}-\u{1e6ef}\u{1e6f5}`
const unsettled = new RegExp(String.raw`[\p{Cn}${unsettledRanges}]`, 'u')

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
  .refine((name) => name !== '', breaks('required', 'is required'))
  .refine(
    (name) => codePoints(name) <= maxLength && codePoints(name.normalize('NFKC')) <= maxLength,
    breaks('too_long', `has more than ${maxLength} characters`, maxLength),
  )
  .refine((name) => !hasInvisible(name), breaks('invisible', 'has a control or invisible character'))
  .refine(
    (name) => !unsettled.test(name),
    breaks('unsettled', 'has a character that older databases do not know'),
  )
  .refine((name) => name.trim() === name, breaks('white_space', 'begins or ends with white space'))
  .meta({ minLength: 1, maxLength, examples: ['ada'] })

export type UsernameRules = {
  /** True accepts new usernames with an `@`. */
  usernameAt: boolean
}

/** Creates the schema of the usernames that users choose, or get from their provider. */
export function createUsernameSchema({ usernameAt }: UsernameRules) {
  if (usernameAt) return usernameSchema
  return usernameSchema
    .refine((name) => !name.normalize('NFKC').includes('@'), breaks('at_sign', 'must not have an @'))
    .meta({ ...usernameSchema.meta(), pattern: '^[^@]*$' })
}

/** The schema of e-mail addresses. It checks the syntax only. */
export const emailSchema = storableText(254)
  .refine((value) => /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(value), breaks('email', 'is not an e-mail address'))
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
