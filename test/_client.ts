import type { SessionBody } from './_app.ts'
import { type Keys, readJwks, readToken, readWebhook } from './_hasura.ts'
import { rememberMessage } from './_secrets.ts'

export type Reply<Body> = { status: number; body: Body }

/**
 * Sends a request to a gateway in a separate process. Its tokens, and its answers of /jwks and /webhook, are read by the
 * model of Hasura, which throws when Hasura would reject them.
 */
export async function ask<Body = Record<string, unknown>>(
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply<Body>> {
  const response = await fetch(url, {
    headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  })
  const text = await response.text()
  rememberMessage(url, new Headers(headers), JSON.stringify(body ?? null))
  rememberMessage('', response.headers, text)
  const answer = JSON.parse(text)
  const { origin, pathname } = new URL(url)
  if (/^\/(jwks|\.well-known\/jwks)/.test(pathname) && response.status === 200)
    readJwks(text, response.headers)
  if (pathname === '/webhook' && response.status === 200) readWebhook(200, text)
  if (typeof answer?.token === 'string') await checkToken(origin, answer.token)
  return { status: response.status, body: answer as Body }
}

/** The keys of each gateway by its address. A restarted gateway has another address. */
const keysOf = new Map<string, Keys>()

async function checkToken(origin: string, token: string): Promise<void> {
  const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  const { kid } = JSON.parse(header ?? '') as { kid: string }
  // A gateway that is killed after the answer cannot be asked for its keys any more.
  if (!keysOf.get(origin)?.has(kid) && !(await fetchKeys(origin))) return
  // The values of the token itself, because a Hasura can be configured with them.
  const { iss: issuer, aud: audience } = JSON.parse(payload ?? '') as { iss: string; aud: string }
  const now = Math.floor(Date.now() / 1000)
  readToken(token, keysOf.get(origin) ?? new Map(), { now, issuer, audience })
}

/** Returns false when no gateway answers at the address. */
async function fetchKeys(origin: string): Promise<boolean> {
  const response = await fetch(`${origin}/jwks`).catch(() => null)
  const text = await response?.text().catch(() => null)
  if (!response || typeof text !== 'string') return false
  keysOf.set(origin, readJwks(text, response.headers))
  return true
}

/** Signs a user up at the gateway. */
export function signUp(
  url: string,
  username: string,
  password = 'correct horse',
): Promise<Reply<SessionBody>> {
  return ask(`${url}/signup`, { username, password, confirmPassword: password })
}

export function logIn(
  url: string,
  username: string,
  password = 'correct horse',
): Promise<Reply<SessionBody>> {
  return ask(`${url}/login`, { username, password })
}

/** Returns the kids of the published keys. */
export async function readKids(url: string): Promise<string[]> {
  const { body } = await ask<{ keys: { kid: string }[] }>(`${url}/jwks`)
  return body.keys.map(({ kid }) => kid)
}
