import type { SessionBody } from './_app.ts'
import { rememberMessage } from './_secrets.ts'

export type Reply<Body> = { status: number; body: Body }

/** Asks a gateway that runs as a process of its own. */
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
  return { status: response.status, body: JSON.parse(text) as Body }
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
