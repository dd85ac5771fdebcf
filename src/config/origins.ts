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
  isTarget,
  `must be a list of origins such as ${example}, with an exact path as ${example}/signed-in, of any port as http://127.0.0.1:*, or app://; without a final slash after the host`,
)

/**
 * The names of apps by their redirect targets, in the form of `redirectOrigins`: `https://app.example.com=My App`,
 * separated by commas, because a name may have spaces.
 */
export const appNames = z
  .string()
  .optional()
  .transform((value = '') =>
    value
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean)
      .map(parseApp),
  )
  .refine(
    (apps) => apps.every(([target, name]) => isTarget(target) && isAppName(name)),
    `must be a list of targets of AUTH_REDIRECT_ORIGINS with names of 1 to 60 visible characters, such as ${example}=My App, separated by commas`,
  )
  .refine(
    (apps) => new Set(apps.map(([target]) => target)).size === apps.length,
    'must name each target only once',
  )
  .transform((apps): ReadonlyMap<string, string> => new Map(apps))

/** Returns true when a list of redirect targets allows this target of an app, or a page of it. */
export function isAllowedTarget(target: string, redirectTargets: readonly string[]): boolean {
  return redirectTargets.some(
    (allowed) => allowed === target || allowed.startsWith(`${target}/`) || target.startsWith(`${allowed}/`),
  )
}

/** Returns the target and the name of an entry. Only the query of a target could have an equals sign, and it has none. */
function parseApp(entry: string): [target: string, name: string] {
  const [target = '', ...name] = entry.split('=')
  return [target.trim(), name.join('=').trim()]
}

function isAppName(name: string): boolean {
  return (
    name !== '' && name.length <= 60 && !/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(name)
  )
}

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

function isTarget(entry: string): boolean {
  return isOrigin(entry) || isPage(entry) || isAnyPort(entry) || isAppScheme(entry)
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
