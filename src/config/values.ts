import { z } from 'zod'
import { parsePublicKeys } from '../tokens/key-pair.ts'

// One schema for each kind of value an environment variable can have. A message completes "<NAME> …" and never
// repeats the value.

/** Returns true for a value between two quotation marks of one kind. */
export function isQuoted(value: string): boolean {
  return /^(["']).*\1$/s.test(value)
}

/**
 * Returns what an environment file has most likely added to a value that is not valid, as the end of a message, or ''.
 * `docker run --env-file` keeps quotation marks and what looks like a comment; `.env` files and Compose drop both.
 */
export function findCause(value: string): string {
  if (isQuoted(value)) return '; the quotation marks around it are part of the value: leave them out'
  if (/\s#/.test(value)) return '; the comment behind it is part of the value: put it on a line of its own'
  return ''
}

/** A whole number within bounds. */
export const integer = (min: number, max: number, fallback: number) =>
  z
    .string()
    .optional()
    .transform((value) =>
      value === undefined ? fallback : /^\d{1,10}$/.test(value.trim()) ? Number(value) : Number.NaN,
    )
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)

/** `true` or `false`. */
export const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .optional()
    .transform((value) => (value === undefined ? fallback : value === 'true'))

/** One of a few words. */
export const oneOf = <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) =>
  z
    .enum(values, `must be one of ${values.join(', ')}`)
    .optional()
    .transform((value): T[number] => value ?? fallback)

/** How much is logged. */
export const logLevel = oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info')

/** Any text on one line. */
export const text = (fallback: string) =>
  z
    .string()
    .regex(/^[^\p{Cc}]{1,1000}$/u, 'must be one line of at most 1000 characters')
    .optional()
    .transform((value) => value ?? fallback)

/** Text that may be missing. */
export const optionalText = (max: number) =>
  z.string().max(max, `must have at most ${max} characters`).optional()

/** Public keys, PEM after PEM. */
export const publicKeys = z
  .string()
  .transform((value, ctx) => {
    try {
      return parsePublicKeys(value)
    } catch {
      ctx.addIssue({ code: 'custom', message: 'must be RSA public keys in PEM, each of at least 2048 bits' })
      return z.NEVER
    }
  })
  .optional()

/** A secret that keys are derived from. */
export const secret = z
  .string()
  .refine(
    (value) => Buffer.byteLength(value) >= 32,
    'must have at least 32 bytes (try: openssl rand -base64 48)',
  )
  .optional()

const registeredClaims = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sid', 'name'])

/** The member of a token that holds the claims: none of those that are taken. */
export const namespace = (fallback: string) =>
  text(fallback).refine((value) => !registeredClaims.has(value), 'must not be a claim that every token has')

/** A role name; `admin` is Hasura's superuser and must be allowed on purpose. */
export const role = (fallback: string, allowAdmin: boolean) =>
  text(fallback).refine(
    (value) => value !== 'admin' || allowAdmin,
    'must not be admin: that is the superuser of Hasura',
  )

/** What RFC 7519 calls StringOrURI: Hasura refuses a token whose issuer has a colon but is no URI. */
export const stringOrUri = (fallback: string) =>
  text(fallback).refine((value) => !value.includes(':') || isUri(value), 'must be a URI if it has a colon')

/** Where the gateway is reached: http(s), no query or fragment; without the trailing slash. */
export const publicUrl = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => parseUrl(value ?? fallback))
    .refine(isPlainHttp, 'must be an http(s) URL without user, query or fragment')
    .transform((url) => url?.href.replace(/\/+$/, '') as string)

/** A provider's endpoint. */
export const endpointUrl = z
  .string()
  .refine((value) => {
    const url = parseUrl(value)
    return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password
  }, 'must be an http(s) URL without user and password')
  .optional()

/** How a connection to PostgreSQL uses TLS, in libpq's words, and node-postgres' own no-verify. */
const sslmodes = ['disable', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const

function isSslmode(value: string): boolean {
  return (sslmodes as readonly string[]).includes(value)
}

/** libpq's variable for connections whose URL does not say. */
export const sslmode = z.enum(sslmodes, `must be one of ${sslmodes.join(', ')}`).optional()

/** A PostgreSQL connection URL. */
export const databaseUrl = z
  .string()
  .refine((value) => /^postgres(ql)?:$/.test(parseUrl(value)?.protocol ?? ''), 'must be a postgres:// URL')
  .refine(
    (value) => isSslmode(parseUrl(value)?.searchParams.get('sslmode') ?? 'disable'),
    `has an unknown sslmode; it must be one of ${sslmodes.join(', ')}`,
  )
  .optional()

/** OAuth scopes, separated by spaces or commas. */
export const scope = z
  .string()
  .transform((value) => value.split(/[\s,]+/).filter(Boolean))
  .optional()

/** Exact origins, separated by commas or spaces; with `schemes`, also a native app's own scheme as `app://`. */
export const origins = (schemes: boolean) =>
  z
    .string()
    .transform((value) => value.split(/[\s,]+/).filter(Boolean))
    .refine(
      (list) => list.every((entry) => isOrigin(entry) || (schemes && isAppScheme(entry))),
      `must be a list of exact origins such as https://app.example.com${schemes ? ' or app://' : ''}, without a path or a final slash`,
    )
    .optional()

function parseUrl(value: string): URL | null {
  return URL.canParse(value) ? new URL(value) : null
}

function isPlainHttp(url: URL | null): boolean {
  return (
    url !== null &&
    isUri(url.href) &&
    /^https?:$/.test(url.protocol) &&
    !url.username &&
    !url.password &&
    !url.search &&
    !url.hash
  )
}

const uriCharacters = String.raw`(?:[\w.~:/?@!$&'()*+,;=-]|%[\da-f]{2})*`
const uri = new RegExp(
  String.raw`^[a-z][a-z\d+.-]*:(?://\[[\da-f:.]+\])?${uriCharacters}(?:#${uriCharacters})?$`,
  'i',
)

/** RFC 3986, which is narrower than what URL accepts, and what Hasura holds an issuer to. */
function isUri(value: string): boolean {
  return uri.test(value) && URL.canParse(value)
}

function isOrigin(value: string): boolean {
  return /^https?:\/\/[^*]+$/.test(value) && parseUrl(value)?.origin === value
}

const standardSchemes = /^(https?|javascript|data|vbscript|file|blob|about|ftp|wss?|view-source|filesystem):/

function isAppScheme(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/$/.test(value) && !standardSchemes.test(value)
}
