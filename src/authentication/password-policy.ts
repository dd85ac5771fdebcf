import { domainToUnicode } from 'node:url'
import { type FieldError, GatewayError } from '../errors.ts'
import { breaks, storableText } from '../http/validate.ts'
import type { IsBreached } from './breached-passwords.ts'

export type PasswordRules = { passwordMinLength: number }

const maxLength = 1024

/** Creates the schema of new passwords: at least `passwordMinLength` code points, at most 1024 UTF-16 units. */
export function createPasswordSchema({ passwordMinLength }: PasswordRules) {
  return storableText(maxLength)
    .refine(
      (value) => [...value.normalize('NFC')].length >= passwordMinLength,
      breaks('too_short', `has fewer than ${passwordMinLength} characters`, passwordMinLength),
    )
    .meta({ minLength: passwordMinLength, maxLength, examples: ['correct horse'] })
}

/**
 * Rejects a new password that attackers guess first. Throws `validation_failed` about `field`. The rules follow
 * NIST SP 800-63B, section 3.1.1.2: no character classes, and the typed text stays unchanged.
 */
type RequirePassword = (password: string, username: string, field: string) => Promise<void>

export type PasswordPolicySettings = {
  /** `basic` adds no rules to `createPasswordSchema`. */
  passwordPolicy: 'basic' | 'strict'
  /** Names that a password for this service must not consist of, besides the username. */
  passwordWords: readonly string[]
  /** The name on the pages counts as such a word. */
  pages: { name: string } | null
  /** Its host and the parts of the host count as such words. */
  publicUrl: string
  /** Checks a password against data breaches; null when the check is off. */
  isBreached: IsBreached | null
}

type Fault = Omit<FieldError, 'field'>

const faults = {
  common: { rule: 'common', detail: 'is one of the passwords that are guessed first' },
  context: { rule: 'context', detail: 'is little more than the username or the name of this service' },
  breached: { rule: 'breached', detail: 'is known from a data breach' },
} as const satisfies Record<string, Fault>

const productName = 'claimgate'
// The rest of a password without these words must have so many characters, half as many if one is a letter.
const leastOwn = 8

/** Creates the policy; `strict` reads the list of common passwords into memory. */
export async function loadPasswordPolicy(settings: PasswordPolicySettings): Promise<RequirePassword> {
  const common = settings.passwordPolicy === 'strict' ? await loadCommonPasswords() : null
  const host = domainToUnicode(new URL(settings.publicUrl).hostname)
  const names = [productName, host, settings.pages?.name ?? '', ...settings.passwordWords]

  async function findFault(password: string, username: string): Promise<Fault | null> {
    if (common && isGuessedFirst(password, common)) return faults.common
    if (common && isContext(password, [username, ...names])) return faults.context
    return (await settings.isBreached?.(password)) ? faults.breached : null
  }
  return async function requirePassword(password, username, field) {
    const fault = await findFault(password, username)
    if (fault !== null) throw new GatewayError('validation_failed', { errors: [{ field, ...fault }] })
  }
}

async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'])
}

/** Returns true for a common password, also with a few characters around it, and for a pattern. */
function isGuessedFirst(password: string, common: ReadonlySet<string>): boolean {
  const folded = fold(password)
  const letters = folded.replace(/^\P{L}+|\P{L}+$/gu, '')
  const isCovered = folded.length - letters.length <= 4
  const words = isCovered ? [folded, letters] : [folded]
  return words.flatMap((word) => [word, spellOut(word)]).some((word) => common.has(word) || isPattern(word))
}

/** Returns true for repeated characters, and for characters in the order of their codes, up or down. */
function isPattern(word: string): boolean {
  if (word.length < 4) return false
  if (/^(.{1,4}?)\1+.{0,3}$/su.test(word)) return true
  const codes = [...word].map((character) => character.codePointAt(0) ?? 0)
  // 0 follows 9, as on a keyboard.
  const steps = codes.slice(1).map((code, at) => (code - (codes[at] ?? 0) + 10) % 10)
  return [1, 9].some((step) => steps.every((each) => each === step))
}

const lookalikes: Record<string, string> = {
  '0': 'o',
  '1': 'l',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

/** Replaces digits and signs that look like letters by the letters. */
function spellOut(word: string): string {
  return word.replace(/[013457@$!]/g, (sign) => lookalikes[sign] ?? sign)
}

/** Returns true for a password that is little more than these names, also with signs that look like letters. */
function isContext(password: string, names: readonly string[]): boolean {
  const words = names
    .map(fold)
    .flatMap((name) => [name, ...name.split(/[^\p{L}\p{N}]+/u)])
    .filter((word) => word.length >= 3)
    .sort((a, b) => b.length - a.length)
  const folded = fold(password)
  return isLittleMore(folded, words) || isLittleMore(spellOut(folded), words.map(spellOut))
}

function isLittleMore(text: string, words: readonly string[]): boolean {
  const rest = words.reduce((left, word) => left.replaceAll(word, ''), text)
  const least = /\p{L}/u.test(rest) ? leastOwn / 2 : leastOwn
  return rest !== text && [...rest].length < least
}

function fold(value: string): string {
  return value.normalize('NFKC').toLowerCase()
}
