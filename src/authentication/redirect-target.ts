import { GatewayError } from '../errors.ts'
import { storableText } from '../http/validate.ts'

/** In UTF-16 units, of an address to be sent back to. */
export const longestTarget = 1024

/** Where a client wants a person to be sent afterwards, as it says so. */
export const redirectTarget = (example: string) =>
  storableText(longestTarget).meta({
    description: 'Where to send the person afterwards; its origin is one of `AUTH_REDIRECT_ORIGINS`.',
    examples: [example],
  })

/** Refuses a redirect target that is not one of those, or none: `redirect_not_allowed`. */
export function createRequireTarget(origins: readonly string[]): (target: string | null | undefined) => void {
  const isAllowed = createRedirectCheck(origins)
  return (target) => {
    if (target !== null && target !== undefined && !isAllowed(target))
      throw new GatewayError('redirect_not_allowed', { detail: 'Its origin is not in AUTH_REDIRECT_ORIGINS' })
  }
}

/**
 * Whether a redirect target has exactly one of the allowed origins, or the scheme of an allowed native app. Spellings
 * that browsers read differently from us (backslashes, white space, controls, user names) are never allowed.
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
