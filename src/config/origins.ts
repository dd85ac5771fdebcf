import * as z from 'zod'

const example = 'https://app.example.com'

/**
 * Origins of pages, separated by commas or spaces, as browsers send them: of the web, of an app in a web view
 * (`capacitor://localhost`), or of a browser extension (`chrome-extension://<id>`).
 */
export const corsOrigins = list(
  (entry) => isOrigin(entry) || isAppOrigin(entry),
  `must be a list of exact origins such as ${example} or capacitor://localhost, without a path`,
)

/**
 * The places to which a sign-in may return, separated by commas or spaces: an origin, an origin with an exact path, a
 * loopback address with any port (RFC 8252, section 7.3), or the scheme of a native app as `app://`.
 */
export const redirectOrigins = list(
  (entry) => isOrigin(entry) || isPage(entry) || isAnyPort(entry) || isAppScheme(entry),
  `must be a list of origins such as ${example}, with an exact path as ${example}/signed-in, of any port as http://127.0.0.1:*, or app://; without a final slash after the host`,
)

/** Returns the origins of redirect targets on the web whose pages may call the gateway. */
export function webOrigins(targets: readonly string[]): string[] {
  const pages = targets.filter((target) => isOrigin(target) || isPage(target))
  return [...new Set(pages.map((page) => new URL(page).origin))]
}

function list(isValid: (entry: string) => boolean, message: string) {
  return z
    .string()
    .transform((value) => value.split(/[\s,]+/).filter(Boolean))
    .refine((entries) => entries.every(isValid), message)
    .optional()
}

function isOrigin(value: string): boolean {
  return /^https?:\/\/[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value
}

/** Returns true for an origin with a path, in the spelling of the URL standard. */
function isPage(value: string): boolean {
  if (!/^https?:\/\/[^*?#]+$/.test(value) || !URL.canParse(value)) return false
  const { href, username, password, pathname } = new URL(value)
  return href === value && username === '' && password === '' && pathname !== '/'
}

function isAnyPort(value: string): boolean {
  const [, host, path] = /^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\*(.*)$/.exec(value) ?? []
  return host !== undefined && (path === '' || isPage(`${host}${path}`))
}

const standardSchemes = /^(https?|javascript|data|vbscript|file|blob|about|ftp|wss?|view-source|filesystem):/

function isAppOrigin(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[\w.-]+(:\d{1,5})?$/.test(value) && !standardSchemes.test(value)
}

function isAppScheme(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/$/.test(value) && !standardSchemes.test(value)
}
