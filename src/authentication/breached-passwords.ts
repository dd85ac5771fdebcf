import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { readText } from '../http/read-response.ts'

/** Returns true for a password that is known from a data breach. Never throws. */
export type IsBreached = (password: string) => Promise<boolean>

export type BreachSettings = {
  /** The URL of the ranges, such as https://api.pwnedpasswords.com/range/; undefined switches the check off. */
  breachUrl: string | undefined
  /** The time limit of a request in seconds. */
  providerTimeout: number
}

const maxBytes = 1_048_576

/**
 * Creates the check against a service with the range protocol of Have I Been Pwned. The service learns only the first
 * five hexadecimal digits of the password's SHA-1 (k-anonymity). When the request fails, the password is accepted and a
 * warning is logged: a sign-up must not depend on an external service. Null without a URL.
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
      log.warn({ err: error }, 'breach check failed; the password was accepted without it')
      return false
    }
  }
}

/** Finds the suffix of a digest in the lines `suffix:count`. Padding has the count 0. */
function hasSuffix(lines: string, suffix: string): boolean {
  return lines.split(/\r?\n/).some((line) => {
    const [rest, count] = line.split(':')
    return rest?.toUpperCase() === suffix && Number(count) > 0
  })
}
