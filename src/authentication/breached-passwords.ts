import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { readText } from '../http/read-response.ts'

/** Whether a password is known from a data breach. Never throws. */
export type IsBreached = (password: string) => Promise<boolean>

export type BreachSettings = {
  /** Where the ranges are, such as https://api.pwnedpasswords.com/range/; nobody is asked when it is not set. */
  breachUrl: string | undefined
  /** Seconds that an answer may take. */
  providerTimeout: number
}

const maxBytes = 1_048_576

/**
 * Asks a service that speaks the range protocol of Have I Been Pwned, which learns the first five hexadecimal digits of
 * the password's SHA-1 and nothing else (k-anonymity). When it cannot be asked, the password is let in and a
 * warning logged: a sign-up must not depend on somebody else's service.
 */
export function createBreachCheck(
  { breachUrl, providerTimeout }: BreachSettings,
  fetch: typeof globalThis.fetch,
  log: Pick<Logger, 'warn'>,
): IsBreached | null {
  if (breachUrl === undefined) return null
  const ranges = breachUrl.endsWith('/') ? breachUrl : `${breachUrl}/`
  return async function isBreached(password) {
    const digest = createHash('sha1').update(password.normalize('NFC')).digest('hex').toUpperCase()
    try {
      const range = new URL(digest.slice(0, 5), ranges)
      const response = await fetch(range, {
        headers: { 'Add-Padding': 'true', 'User-Agent': 'claimgate' },
        redirect: 'error',
        signal: AbortSignal.timeout(providerTimeout * 1000),
      })
      if (response.status !== 200) {
        await response.body?.cancel()
        throw new Error(`status ${response.status}`)
      }
      return hasSuffix(await readText(response, maxBytes), digest.slice(5))
    } catch (error) {
      log.warn({ err: error }, 'passwords cannot be checked against data breaches')
      return false
    }
  }
}

/** Each line is the rest of a digest and how often it was seen; padding was seen never. */
function hasSuffix(lines: string, suffix: string): boolean {
  return lines.split(/\r?\n/).some((line) => {
    const [rest, count] = line.split(':')
    return rest?.toUpperCase() === suffix && Number(count) > 0
  })
}
