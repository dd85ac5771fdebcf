/** The address of a Hasura. */
export type HasuraAddress = {
  /** The URL without a path of the API, from `parseEndpoint`. */
  endpoint: string
  fetch: typeof globalThis.fetch
  /** The time limit of a request, in milliseconds. */
  timeout: number
}

/** An answer of Hasura, with its parsed JSON body. */
export type HasuraAnswer = { status: number; body: unknown }

// Matches only Hasura's own paths at the end of a URL. The path before them may select one of several Hasuras on one
// host, and the admin secret must not go to another of them.
const apiPath = /\/(v1\/graphql|v1\/metadata|v1alpha1\/graphql|v2\/query)\/*$/
const consolePath = /^(.*)\/console(\/.*)?$/

/** Returns the endpoint for the URL of a Hasura, of its console or of one of its APIs; null without an http(s) URL. */
export function parseEndpoint(text: string): string | null {
  if (!URL.canParse(text)) return null
  const { protocol, origin, pathname, username, password } = new URL(text)
  if (!/^https?:$/.test(protocol) || username !== '' || password !== '') return null
  const path = apiPath.test(pathname) ? pathname.replace(apiPath, '') : pathname.replace(consolePath, '$1')
  return origin + path.replace(/\/+$/, '')
}

/**
 * Posts JSON to a path of Hasura and reads the JSON answer of any status. A redirect is an error, because following it
 * would send the headers to another server. Throws `hasura_unavailable` and `hasura_answer`.
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
    throw new HasuraError('hasura_answer', `${url} is a redirect; use the URL that it leads to`)
  try {
    return { status, body: JSON.parse(text) }
  } catch (cause) {
    const code = status >= 500 ? 'hasura_unavailable' : 'hasura_answer'
    const what = /^\s*</.test(text) ? 'an HTML page' : 'a body that is not JSON'
    throw new HasuraError(
      code,
      `${url} answers ${status} with ${what}; check that this is the URL of Hasura`,
      cause,
    )
  }
}

/** Returns the reason why a request has no answer, from the cause inside the error of fetch. `timeout` is in ms. */
export function reasonOf(error: unknown, timeout: number): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `did not answer within ${timeout / 1000} s`
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as { code?: unknown } | null)?.code
  return `cannot be reached${typeof code === 'string' ? ` (${code})` : ''}`
}

/** The closed list of failures of requests to Hasura. */
export type HasuraFailure =
  | 'hasura_unavailable'
  | 'hasura_denied'
  | 'hasura_answer'
  | 'hasura_refused'
  | 'hasura_inconsistent'
  | 'source_not_found'
  | 'changed_meanwhile'

/** A failed request to Hasura. The message is one line for operators and has no secret. */
export class HasuraError extends Error {
  readonly code: HasuraFailure

  constructor(code: HasuraFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'HasuraError'
    this.code = code
  }
}
