/** Where Hasura is, and how it is reached. */
export type HasuraAddress = {
  /** Without a path of the API; `parseEndpoint` makes it. */
  endpoint: string
  fetch: typeof globalThis.fetch
  /** Milliseconds that an answer may take. */
  timeout: number
}

/** What Hasura answered, parsed. */
export type HasuraAnswer = { status: number; body: unknown }

// Only what is Hasura's own, and only at the end: what is before it may be the path of one Hasura among others, and the
// admin secret must not go to a neighbour.
const apiPath = /\/(v1\/graphql|v1\/metadata|v1alpha1\/graphql|v2\/query)\/*$/
const consolePath = /^(.*)\/console(\/.*)?$/

/** The address of a Hasura, also from that of its console or one of its APIs; null when it is no http(s) URL. */
export function parseEndpoint(text: string): string | null {
  if (!URL.canParse(text)) return null
  const { protocol, origin, pathname, username, password } = new URL(text)
  if (!/^https?:$/.test(protocol) || username !== '' || password !== '') return null
  const path = apiPath.test(pathname) ? pathname.replace(apiPath, '') : pathname.replace(consolePath, '$1')
  return origin + path.replace(/\/+$/, '')
}

/**
 * Posts JSON to a path of Hasura and reads the JSON that it answers with, whatever the status. A redirect is not followed:
 * it would carry the headers elsewhere. Throws `hasura_unavailable` and `hasura_answer`.
 */
export async function postToHasura(
  { endpoint, fetch, timeout }: HasuraAddress,
  path: string,
  headers: Record<string, string>,
  body: object,
): Promise<HasuraAnswer> {
  const url = endpoint + path
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
    })
    text = await response.text()
  } catch (cause) {
    throw new HasuraError('hasura_unavailable', `${url} ${reasonOf(cause, timeout)}`, cause)
  }
  const { status } = response
  if (status >= 300 && status < 400)
    throw new HasuraError('hasura_answer', `${url} is a redirect; name the address that it leads to`)
  try {
    return { status, body: JSON.parse(text) }
  } catch (cause) {
    const code = status >= 500 ? 'hasura_unavailable' : 'hasura_answer'
    const what = /^\s*</.test(text) ? 'a page of HTML' : 'something that is not JSON'
    throw new HasuraError(code, `${url} answers ${status} with ${what}: is that Hasura?`, cause)
  }
}

/** What kept a request from being answered, without what fetch puts around it. */
export function reasonOf(error: unknown, timeout: number): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `did not answer within ${timeout / 1000} s`
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as { code?: unknown } | null)?.code
  return `cannot be reached${typeof code === 'string' ? ` (${code})` : ''}`
}

/** How a conversation with Hasura can fail. */
export type HasuraFailure =
  | 'hasura_unavailable'
  | 'hasura_denied'
  | 'hasura_answer'
  | 'hasura_refused'
  | 'hasura_inconsistent'
  | 'source_not_found'
  | 'changed_meanwhile'

/** Why Hasura did not do what it was asked. The message is one line for people and has no secret. */
export class HasuraError extends Error {
  readonly code: HasuraFailure

  constructor(code: HasuraFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'HasuraError'
    this.code = code
  }
}
