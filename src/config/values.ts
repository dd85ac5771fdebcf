import * as z from 'zod'
import { isRoleName } from '../claims/hasura-claims.ts'
import { sslmodes } from '../database/connection-parameters.ts'
import { parseConnectionString } from '../database/connection-string.ts'
import { isThisMachine } from '../http/ip-address.ts'
import { parseP256Key, parsePublicKeys } from '../tokens/key-pair.ts'

// One schema for each kind of value of an environment variable. A message completes "<NAME> …" and omits the value.

/** Returns true for a value between two quotation marks of one kind. */
export function isQuoted(value: string): boolean {
  return /^(["']).*\1$/s.test(value)
}

/**
 * Returns the likely cause of an invalid value as the end of a message, or ''. `docker run --env-file` keeps quotation
 * marks and comments as part of a value; `.env` files and Compose remove both.
 */
export function findCause(value: string): string {
  if (isQuoted(value)) return '; the quotation marks around it are part of the value: remove them'
  if (/\s#/.test(value))
    return '; the comment after it is part of the value: put the comment on a line of its own'
  return ''
}

/** A whole number from `min` to `max`, or the fallback. */
export const integer = <Fallback extends number | undefined>(min: number, max: number, fallback: Fallback) =>
  z
    .string()
    .optional()
    .transform((value): number | Fallback =>
      value === undefined ? fallback : /^\d{1,10}$/.test(value.trim()) ? Number(value) : Number.NaN,
    )
    .refine(
      (value) => value === undefined || (value >= min && value <= max),
      `must be a whole number from ${min} to ${max}`,
    )

/** `true` or `false`. */
export const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .optional()
    .transform((value) => (value === undefined ? fallback : value === 'true'))

/** One value of a closed list. */
export const oneOf = <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) =>
  z
    .enum(values, `must be one of ${values.join(', ')}`)
    .optional()
    .transform((value): T[number] => value ?? fallback)

/** The log level. */
export const logLevel = oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info')

/** Text on one line, of at most 1000 characters. */
export const text = (fallback: string) =>
  z
    .string()
    .regex(/^[^\p{Cc}]{1,1000}$/u, 'must be one line of at most 1000 characters')
    .optional()
    .transform((value) => value ?? fallback)

/** Optional text. */
export const optionalText = (max: number) =>
  z.string().max(max, `must have at most ${max} characters`).optional()

/** Words, separated by commas. */
export const words = z
  .string()
  .optional()
  .transform((value = '') =>
    value
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean),
  )
  .refine(
    (list) => list.every((word) => [...word].length >= 3 && word.length <= 100),
    'must be words of 3 to 100 characters, separated by commas',
  )

/** A value that `parse` reads without an error. */
const readBy = <T>(parse: (value: string) => T, message: string) =>
  z
    .string()
    .transform((value, ctx) => {
      try {
        return parse(value)
      } catch {
        ctx.addIssue({ code: 'custom', message })
        return z.NEVER
      }
    })
    .optional()

/** Public keys in concatenated PEM. */
export const publicKeys = readBy(
  parsePublicKeys,
  'must be RSA public keys in PEM, each of at least 2048 bits',
)

/** A private key for ES256. */
export const p256Key = readBy(parseP256Key, 'must be a private key on the curve P-256 in PEM')

/** A secret of at least 32 bytes. */
export const secret = z
  .string()
  .refine(
    (value) => Buffer.byteLength(value) >= 32,
    'must have at least 32 bytes (try: openssl rand -base64 48)',
  )
  .optional()

const registeredClaims = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sid', 'name'])

/** The name of the token's member with Hasura's claims, other than the registered claims of RFC 7519 in use. */
export const namespace = (fallback: string) =>
  text(fallback).refine(
    (value) => !registeredClaims.has(value),
    'must not be the name of another claim of the tokens, such as sub',
  )

/** A role name. `admin`, Hasura's superuser, is valid only with `allowAdmin`. */
export const role = (fallback: string, allowAdmin: boolean) =>
  text(fallback)
    .refine(isRoleName, 'must not have white space at its ends: no X-Hasura-Role header can carry it')
    .refine((value) => value !== 'admin' || allowAdmin, 'must not be admin: that is the superuser of Hasura')

/** A StringOrURI (RFC 7519, section 2). Hasura rejects a token whose issuer has a colon and is not a URI. */
export const stringOrUri = (fallback: string) =>
  text(fallback).refine((value) => !value.includes(':') || isUri(value), 'must be a URI if it has a colon')

/** The gateway's public URL: http(s), without query and fragment. A trailing slash is removed. */
export const publicUrl = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => parseUrl(value ?? fallback))
    .refine(isPlainHttp, 'must be an http(s) URL without user, query or fragment')
    .transform((url) => url?.href.replace(/\/+$/, '') as string)

/** The URL of an endpoint of a provider or another service. */
export const endpointUrl = z
  .string()
  .refine((value) => {
    const url = parseUrl(value)
    return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password
  }, 'must be an http(s) URL without user and password')
  .optional()

/**
 * The issuer identifier of an OpenID provider, exactly as its metadata and ID tokens have it (Discovery, section 3). With
 * `production`, an `http:` issuer must be on this machine.
 */
export const issuerUrl = (production: boolean) =>
  z
    .string()
    .refine((value) => !value.includes('/.well-known/'), {
      error: 'must be the issuer alone, without /.well-known/openid-configuration',
      abort: true,
    })
    .refine(isIssuer, { error: 'must be an http(s) URL without user, query or fragment', abort: true })
    .refine(
      (value) => !production || value.startsWith('https:') || isThisMachine(value),
      'must be an https: URL, because NODE_ENV is production',
    )
    .optional()

/** Returns true for an issuer identifier. A white space or another spelling of the host would never equal `iss`. */
export function isIssuer(value: string): boolean {
  const url = parseUrl(value)
  return isPlainHttp(url) && [url?.href, url?.href.replace(/\/$/, '')].includes(value)
}

/** The text of a provider's button. */
export const label = z
  .string()
  .transform((value) => value.trim())
  .refine((value) => /^[^\p{Cc}]{1,60}$/u.test(value), 'must be one line of at most 60 characters')
  .optional()

/** The name of a claim of a provider, or its path. */
export const roleClaim = z
  .string()
  .transform((value) => value.trim())
  .refine((value) => /^[^\p{Cc}]{1,255}$/u.test(value), 'must be one line of at most 255 characters')
  .optional()

/** The roles of each value of a claim: `value=role,…`, with `\,` for a comma. */
export const roleMap = z
  .string()
  .transform((value, ctx) => {
    const roles = new Map<string, string[]>()
    const entries = value.split(/(?<!\\),/).map((entry) => entry.replaceAll('\\,', ',').trim())
    for (const entry of entries.filter(Boolean)) {
      const [, claimed = '', given = ''] = /^(.+?)\s*=\s*([^=]+)$/.exec(entry) ?? []
      if (claimed === '' || given.length > 255 || !isRoleName(given)) {
        ctx.addIssue({
          code: 'custom',
          message: 'must be value=role,… with a role after the last = of each part, and \\, for a comma',
        })
        return z.NEVER
      }
      roles.set(claimed, [...(roles.get(claimed) ?? []), given])
    }
    return roles as ReadonlyMap<string, readonly string[]>
  })
  .optional()

// The parameters of an authorization request that the gateway sets, or that would change the form of the answer.
const ownParameters = new Set([
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
])

/** Parameters of an authorization request, as a query. */
export const parameters = z
  .string()
  .refine((value) => value.length <= 1000, 'must have at most 1000 characters')
  .transform((value, ctx) => {
    const pairs = [...new URLSearchParams(value)]
    const names = pairs.map(([name]) => name)
    const own = names.find((name) => ownParameters.has(name))
    if (names.some((name) => !/^[\w.-]+$/.test(name)) || !value.includes('='))
      ctx.addIssue({
        code: 'custom',
        message: 'must be a query such as prompt=select_account&hd=example.com',
      })
    else if (own !== undefined)
      ctx.addIssue({ code: 'custom', message: `must not have ${own}, which the gateway sets` })
    else if (new Set(names).size < names.length)
      ctx.addIssue({ code: 'custom', message: 'must have each parameter once' })
    return Object.freeze(Object.fromEntries(pairs))
  })
  .optional()

/** PGSSLMODE, the default of libpq for URLs without sslmode. */
export const sslmode = z.enum(sslmodes, `must be one of ${sslmodes.join(', ')}`).optional()

/** A PostgreSQL connection URL. */
export const databaseUrl = z
  .string()
  .transform((value, ctx) => {
    try {
      parseConnectionString(value)
      return value
    } catch (error) {
      ctx.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  })
  .optional()

const list = z.string().transform((value) => value.split(/[\s,]+/).filter(Boolean))

/** OAuth scopes, separated by spaces or commas. */
export const scope = list.optional()

/** Client ids, separated by spaces or commas. */
export const clientIds = list.refine((ids) => ids.length > 0, 'must be client ids, with commas').optional()

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

/** Returns true for a URI by RFC 3986, as Hasura requires of an issuer. `URL` alone accepts more. */
function isUri(value: string): boolean {
  return uri.test(value) && URL.canParse(value)
}
