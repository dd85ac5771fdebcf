import { type Check, failed, ok } from './check.ts'
import { failUnread, type Page } from './gateway.ts'

// What the gateway publishes of a key, and no more. Hasura 2 refuses a whole set for one value that it does not know.
const published = ['kty', 'use', 'alg', 'kid', 'n', 'e']
const fixed = { kty: 'RSA', use: 'sig', alg: 'RS256' }
const privateParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const fewestBits = 2048
const leak = 'the private key, with which everybody can sign tokens'

/**
 * Reads `/jwks` more strictly than Hasura 2, which takes a set whole or not at all: each key must be what the gateway
 * publishes. `kid` is that of the key that signs: null when there is none, undefined when that is not known.
 */
export function checkJwks(page: Page | string, kid: string | null | undefined): Check {
  const name = 'jwks'
  if (typeof page === 'string') return failUnread(name, '/jwks', page)
  const { status, text, headers } = page
  const problem = status === 200 ? (findProblem(text) ?? findHeaderProblem(headers)) : `status ${status}`
  if (problem) {
    const cure = problem.endsWith(leak)
      ? 'stop it at once, and replace that key: claimgate keys rotate --now, or a new AUTH_PRIVATE_KEY'
      : 'let nothing between Hasura and the gateway change /jwks; keys from elsewhere are imported with claimgate keys import'
    return failed(name, `not what Hasura should read: ${problem}`, cure)
  }
  const kids = (JSON.parse(text).keys as { kid?: unknown }[]).map((key) => key.kid)
  if (kid === undefined || (kid !== null && kids.includes(kid)))
    return ok(name, `Hasura can read it: ${kids.join(', ')}`)
  return failed(
    name,
    kid === null
      ? 'keys are published there, and the database that is read here has none'
      : `the key that signs here, ${kid}, is not published there`,
    'let AUTH_PUBLIC_URL and the database be those of one deployment',
  )
}

/** The first thing about a key set that is not as the gateway publishes it; null when there is none. */
export function findProblem(text: string): string | null {
  let keys: unknown
  try {
    keys = JSON.parse(text)?.keys
  } catch {
    return 'it is not JSON'
  }
  if (!Array.isArray(keys) || keys.length === 0) return 'it has no keys'
  for (const [index, key] of keys.entries()) {
    const problem = findKeyProblem(Object(key))
    if (problem) return `keys[${index}].${problem}`
  }
  return null
}

function findKeyProblem(key: Record<string, unknown>): string | null {
  const shown = privateParts.find((name) => name in key)
  if (shown) return `${shown} is ${leak}`
  for (const [name, value] of Object.entries(fixed))
    if (key[name] !== value) return `${name} is ${JSON.stringify(key[name])}, not "${value}"`
  if (typeof key.kid !== 'string' || key.kid === '') return 'kid is not a text'
  for (const name of ['n', 'e']) {
    const value = key[name]
    const bytes = typeof value === 'string' ? Buffer.from(value, 'base64url') : Buffer.alloc(0)
    if (bytes.length === 0 || bytes.toString('base64url') !== value)
      return `${name} is not base64url without padding`
    if (bytes[0] === 0) return `${name} begins with a zero byte`
  }
  const bits = BigInt(`0x${Buffer.from(String(key.n), 'base64url').toString('hex')}`).toString(2).length
  if (bits < fewestBits) return `n has ${bits} bits, fewer than ${fewestBits}`
  const foreign = Object.keys(key).find((name) => !published.includes(name))
  return foreign === undefined ? null : `${foreign} is no member that the gateway publishes`
}

/** Without an age Hasura never asks again; with no-store it asks every second. */
function findHeaderProblem(headers: Headers): string | null {
  const control = headers.get('cache-control') ?? ''
  if (/no-(cache|store)/i.test(control)) return `with Cache-Control ${control} it asks every second`
  return /max-age=[1-9]/.test(control) || headers.has('expires')
    ? null
    : 'without max-age or Expires it never sees a new key'
}
