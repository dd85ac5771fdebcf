import type { SessionBody } from './_app.ts'
import { type Keys, readJwks, readToken, readWebhook } from './_hasura.ts'
import { rememberMessage } from './_secrets.ts'

export type Reply<Body> = { status: number; body: Body }

/**
 * Asks a gateway that runs as a process of its own. Its tokens, and what it answers at /jwks and /webhook, are read by the
 * model of Hasura, which throws when Hasura would not take them.
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
  if (/^\/(jwks|\.well-known)/.test(pathname) && response.status === 200) readJwks(text, response.headers)
  if (pathname === '/webhook' && response.status === 200) readWebhook(200, text)
  if (typeof answer?.token === 'string') await checkToken(origin, answer.token)
  return { status: response.status, body: answer as Body }
}

/** By the address that it listens at. A gateway that is started anew has another one. */
const keysOf = new Map<string, Keys>()

async function checkToken(origin: string, token: string): Promise<void> {
  const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  const { kid } = JSON.parse(header ?? '') as { kid: string }
  // Whoever is killed after the answer tells nobody any more which keys it had.
  if (!keysOf.get(origin)?.has(kid) && !(await fetchKeys(origin))) return
  // Those that it is configured with: what is read here is whether Hasura could be told to expect them.
  const { iss: issuer, aud: audience } = JSON.parse(payload ?? '') as { iss: string; aud: string }
  const now = Math.floor(Date.now() / 1000)
  readToken(token, keysOf.get(origin) ?? new Map(), { now, issuer, audience })
}

/** False when nobody answers there. */
async function fetchKeys(origin: string): Promise<boolean> {
  const response = await fetch(`${origin}/jwks`).catch(() => null)
  const text = await response?.text().catch(() => null)
  if (!response || typeof text !== 'string') return false
  keysOf.set(origin, readJwks(text, response.headers))
  return true
}

/** Makes a user at such a gateway. */
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

/** The ids of the keys that it publishes. */
export async function readKids(url: string): Promise<string[]> {
  const { body } = await ask<{ keys: { kid: string }[] }>(`${url}/jwks`)
  return body.keys.map(({ kid }) => kid)
}
