import { GatewayError } from '../errors.ts'
import { storableText } from '../http/validate.ts'

/** The maximum length of a redirect target in UTF-16 units. */
export const longestTarget = 1024

/** Creates the schema of a redirect target: the address to which the client sends the user afterwards. */
export const redirectTarget = (example: string) =>
  storableText(longestTarget).meta({
    description: 'The redirect target after the sign-in. Its origin must be in `AUTH_REDIRECT_ORIGINS`.',
    examples: [example],
  })

/** Creates a check that throws `redirect_not_allowed` for a redirect target of another origin. A target is optional. */
export function createRequireTarget(origins: readonly string[]): (target: string | null | undefined) => void {
  const isAllowed = createRedirectCheck(origins)
  return (target) => {
    if (target !== null && target !== undefined && !isAllowed(target))
      throw new GatewayError('redirect_not_allowed', { detail: 'Its origin is not in AUTH_REDIRECT_ORIGINS' })
  }
}

/**
 * Creates a check that returns true for a target with an allowed origin, or with the scheme of an allowed native app.
 * Browsers parse backslashes, white space, controls and user names in their own way, so such targets are rejected.
 */
export function createRedirectCheck(origins: readonly string[]): (target: string) => boolean {
  const allowed = new Set(origins)
  return (target) => {
    if (/[\\\s\p{Cc}]/u.test(target) || !URL.canParse(target)) return false
    const url = new URL(target)
    if (url.username !== '' || url.password !== '') return false
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
    return isWeb
      ? allowed.has(url.origin) && target.startsWith(`${url.origin}`)
      : allowed.has(`${url.protocol}//`)
  }
}
