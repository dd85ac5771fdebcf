import { GatewayError } from '../errors.ts'
import { text } from '../http/text.ts'
import type { IsBreached } from './breached-passwords.ts'

export type PasswordRules = { passwordMinLength: number; passwordHash: 'bcrypt' | 'argon2id' }

/** What a new password must be. bcrypt reads 72 bytes and ignores the rest, so a longer one is refused, not cut. */
export function createPasswordSchema({ passwordMinLength, passwordHash }: PasswordRules) {
  const maxBytes = passwordHash === 'bcrypt' ? 72 : 1024
  return text(1024)
    .refine(
      (value) => [...value].length >= passwordMinLength,
      `has fewer than ${passwordMinLength} characters`,
    )
    .refine(
      (value) => Buffer.byteLength(value.normalize('NFC')) <= maxBytes,
      `has more than ${maxBytes} bytes in UTF-8, of which ${passwordHash} would ignore the rest`,
    )
}

/**
 * Refuses a new password of that user that others would guess first. Throws `validation_failed` about `field`. The
 * rules are those of NIST SP 800-63B, section 3.1.1.2: no classes of characters, no changes to what was typed.
 */
export type RequirePassword = (password: string, username: string, field: string) => Promise<void>

export type PasswordPolicySettings = {
  /** `basic` asks for no more than `createPasswordSchema` does. */
  passwordPolicy: 'basic' | 'strict'
  /** Whether a password is known from a data breach, where somebody may be asked. */
  isBreached: IsBreached | null
}

const productName = 'claimgate'
// What is left of a password without the words that stand around it must have as many characters.
const leastOwn = 4

/** Prepares the policy; `strict` reads the list of common passwords into memory. */
export async function loadPasswordPolicy(settings: PasswordPolicySettings): Promise<RequirePassword> {
  const common = settings.passwordPolicy === 'strict' ? await loadCommonPasswords() : null

  async function findFault(password: string, username: string): Promise<string | null> {
    if (common?.has(fold(password))) return 'is one of the passwords that are guessed first'
    if (common && isContext(password, username))
      return 'is little more than the username or the name of this service'
    if (await settings.isBreached?.(password)) return 'is known from a data breach'
    return null
  }
  return async function requirePassword(password, username, field) {
    const detail = await findFault(password, username)
    if (detail !== null) throw new GatewayError('validation_failed', { errors: [{ field, detail }] })
  }
}

async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'])
}

/** Whether a password is made of the username or the product's name, and hardly anything else. */
function isContext(password: string, username: string): boolean {
  const words = [fold(username), ...fold(username).split(/[^\p{L}\p{N}]+/u), productName]
    .filter((word) => word.length >= 3)
    .sort((a, b) => b.length - a.length)
  const folded = fold(password)
  const rest = words.reduce((left, word) => left.replaceAll(word, ''), folded)
  return rest !== folded && [...rest].length < leastOwn
}

function fold(value: string): string {
  return value.normalize('NFKC').toLowerCase()
}
