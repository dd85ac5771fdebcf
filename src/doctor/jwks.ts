import { type Check, failed, ok } from './check.ts'
import { failUnread, type Page } from './gateway.ts'

// The members of a published key. Hasura 2 rejects a whole key set for one unknown value.
const published = ['kty', 'use', 'alg', 'kid', 'n', 'e']
const fixed = { kty: 'RSA', use: 'sig', alg: 'RS256' }
const privateParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const fewestBits = 2048
const leak = 'the private key, with which any reader can sign tokens'

/**
 * Checks `/jwks` more strictly than Hasura 2, which accepts a key set as a whole or rejects it: each key must have the
 * form that the gateway publishes. `kid` names the signing key; null without a key, undefined when it is unknown.
 */
export function checkJwks(page: Page | string, kid: string | null | undefined): Check {
  const name = 'jwks'
  if (typeof page === 'string') return failUnread(name, '/jwks', page)
  const { status, text, headers } = page
  const problem = status === 200 ? (findProblem(text) ?? findHeaderProblem(headers)) : `status ${status}`
  if (problem) {
    const cure = problem.endsWith(leak)
      ? 'stop the server that publishes it, and replace the key: run claimgate keys rotate --now, or set a new AUTH_PRIVATE_KEY'
      : 'make the proxies pass /jwks on unchanged; import keys of other servers with claimgate keys import'
    return failed(name, `not a key set of this gateway: ${problem}`, cure)
  }
  const kids = (JSON.parse(text).keys as { kid?: unknown }[]).map((key) => key.kid)
  if (kid === undefined || (kid !== null && kids.includes(kid)))
    return ok(name, `Hasura can read the keys ${kids.join(', ')}`)
  return failed(
    name,
    kid === null
      ? '/jwks has keys, and the database of this command has none'
      : `/jwks lacks the signing key ${kid}`,
    'set AUTH_PUBLIC_URL and the database (DATABASE_URL or AUTH_DATA_DIR) to the same deployment',
  )
}

/** Returns the first difference between a key set and the form that the gateway publishes; null without one. */
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
  if (typeof key.kid !== 'string' || key.kid === '') return 'kid is not a string, or is empty'
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
  return foreign === undefined ? null : `${foreign} is not a member that the gateway publishes`
}

/** Returns the reason why Hasura would fetch the keys every second or only once; null for valid headers. */
function findHeaderProblem(headers: Headers): string | null {
  const control = headers.get('cache-control') ?? ''
  if (/no-(cache|store)/i.test(control)) return `with Cache-Control ${control} Hasura fetches it every second`
  return /max-age=[1-9]/.test(control) || headers.has('expires')
    ? null
    : 'without max-age or Expires Hasura never fetches a new key'
}
