import { type Check, failed, ok } from './check.ts'
import type { Page } from './page.ts'

/** The values that Hasura's parser knows; any other makes it refuse the whole set. */
const known: Record<string, readonly string[]> = {
  kty: ['RSA', 'EC', 'oct', 'OKP'],
  use: ['sig', 'enc'],
  alg: [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'HS256',
    'HS384',
    'HS512',
  ],
}

/** Reads `/jwks` as strictly as Hasura 2, which takes a set whole or not at all. `kid` is that of the key that signs. */
export function checkJwks({ status, text, headers }: Page, kid: string | null): Check {
  const problem = status === 200 ? (findProblem(text) ?? findHeaderProblem(headers)) : `status ${status}`
  if (problem) {
    return failed(
      'jwks',
      `Hasura would not take it: ${problem}`,
      'let nothing between Hasura and the gateway change /jwks; keys from elsewhere are imported with claimgate keys import',
    )
  }
  const kids = (JSON.parse(text).keys as { kid?: unknown }[]).map((key) => key.kid)
  if (kid === null || kids.includes(kid)) return ok('jwks', `Hasura can read it: ${kids.join(', ')}`)
  return failed(
    'jwks',
    `the key that signs here, ${kid}, is not published there`,
    'let AUTH_PUBLIC_URL and the database be those of one deployment',
  )
}

/** The first thing about a key set that Hasura refuses; null when there is none. */
export function findProblem(text: string): string | null {
  let keys: unknown
  try {
    keys = JSON.parse(text)?.keys
  } catch {
    return 'it is not JSON'
  }
  if (!Array.isArray(keys) || keys.length === 0) return 'it has no keys'
  for (const [index, key] of keys.entries()) {
    const problem = findKeyProblem(key ?? {})
    if (problem) return `keys[${index}].${problem}`
  }
  return null
}

function findKeyProblem(key: Record<string, unknown>): string | null {
  for (const [name, values] of Object.entries(known)) {
    const isMissing = key[name] === undefined && name !== 'kty'
    if (!isMissing && !values.includes(key[name] as string))
      return `${name} ${JSON.stringify(key[name])} is unknown`
  }
  if (typeof key.kid !== 'string') return 'kid is not a text'
  if (key.kty !== 'RSA') return null
  for (const name of ['n', 'e']) {
    const value = key[name]
    if (typeof value !== 'string' || !/^[\w-]+$/.test(value))
      return `${name} is not base64url without padding`
    if (Buffer.from(value, 'base64url')[0] === 0) return `${name} begins with a zero byte`
  }
  return null
}

/** Without an age Hasura never asks again; with no-store it asks every second. */
function findHeaderProblem(headers: Headers): string | null {
  const control = headers.get('cache-control') ?? ''
  if (/no-(cache|store)/i.test(control)) return `with Cache-Control ${control} it asks every second`
  return /max-age=[1-9]/.test(control) || headers.has('expires')
    ? null
    : 'without max-age or Expires it never sees a new key'
}
