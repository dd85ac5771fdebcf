import { GatewayError } from '../errors.ts'
import { storableText } from '../http/validate.ts'

/** The maximum length of a redirect target in UTF-16 units. */
export const longestTarget = 1024

/** Creates the schema of a redirect target: the address to which the client sends the user afterwards. */
export const redirectTarget = (example: string) =>
  storableText(longestTarget).meta({
    description:
      'The redirect target after the sign-in. It must be in `AUTH_REDIRECT_ORIGINS`, by its origin or its address.',
    examples: [example],
  })

/**
 * Creates a check that throws `redirect_not_allowed` for a redirect target that is not in the list. The error names the
 * origin of the target, for the operator who has to add it. A target is optional.
 */
export function createRequireTarget(entries: readonly string[]): (target: string | null | undefined) => void {
  const isAllowed = createRedirectCheck(entries)
  const known = new Set(entries.map((entry) => /^[^/]+:\/\/[^/]*/.exec(entry)?.[0]))
  return (target) => {
    if (target === null || target === undefined || isAllowed(target)) return
    if (!URL.canParse(target))
      throw new GatewayError('redirect_not_allowed', {
        detail: 'The redirect target is not an absolute URL.',
        event: 'redirect.refused',
      })
    const url = new URL(target)
    const isKnown = isWeb(url) && originsOf(url).some((origin) => known.has(origin))
    const origin = shorten(isWeb(url) ? url.origin : `${url.protocol}//`)
    throw new GatewayError('redirect_not_allowed', {
      detail: isKnown
        ? `AUTH_REDIRECT_ORIGINS lists the origin ${origin}, but not this address in this spelling.`
        : `The origin ${origin} is not in AUTH_REDIRECT_ORIGINS.`,
      event: 'redirect.refused',
      about: { origin },
    })
  }
}

/** Shortens an origin, which is ASCII without white space and controls, for logs and pages. */
function shorten(origin: string): string {
  return origin.length > 100 ? `${origin.slice(0, 100)}…` : origin
}

/**
 * Creates a check that returns true for a target with an allowed origin, at an allowed path of an origin, or with the
 * scheme of an allowed native app. At an allowed path the query is free, and a fragment is rejected (RFC 6749,
 * section 3.1.2). Browsers parse backslashes, white space, controls and user names in their own way, so such targets are
 * rejected.
 */
export function createRedirectCheck(entries: readonly string[]): (target: string) => boolean {
  const allowed = new Set(entries)
  return (target) => {
    if (/[\\\s\p{Cc}]/u.test(target) || !URL.canParse(target)) return false
    const url = new URL(target)
    if (url.username !== '' || url.password !== '') return false
    return (
      (!isWeb(url) || target.startsWith(url.origin)) && entriesOf(url).some((entry) => allowed.has(entry))
    )
  }
}

/** Returns the entries of AUTH_REDIRECT_ORIGINS that allow a target, the most exact one first. */
export function entriesOf(url: URL): string[] {
  if (!isWeb(url)) return [`${url.protocol}//`]
  const origins = originsOf(url)
  const pages = url.hash === '' ? origins.map((origin) => origin + url.pathname) : []
  return [...pages, ...origins]
}

function isWeb({ protocol }: URL): boolean {
  return protocol === 'https:' || protocol === 'http:'
}

/** Returns the spellings of an origin in the list: with its port, and with any port, which only loopback entries have. */
function originsOf({ origin, protocol, hostname }: URL): string[] {
  return [origin, `${protocol}//${hostname}:*`]
}
