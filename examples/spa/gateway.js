/** An error response of the gateway; status 0 when it could not be reached. `retryAfter` is in seconds. */
export class GatewayProblem extends Error {
  constructor(message, { status = 0, code = 'unreachable', retryAfter = null } = {}) {
    super(message)
    this.name = 'GatewayProblem'
    this.status = status
    this.code = code
    this.retryAfter = retryAfter
  }
}

/**
 * Posts to the gateway, with the refresh token cookie, and returns the response body. Throws a `GatewayProblem`.
 */
export async function post(gateway, path, body) {
  const response = await fetch(gateway + path, {
    method: 'POST',
    credentials: 'include',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => {
    throw new GatewayProblem('The gateway cannot be reached')
  })
  if (response.status === 204) return null
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  // Without cookie mode the gateway requires a refresh token in the body, and this app has none.
  if (path === '/token' && answer.code === 'validation_failed')
    throw new GatewayProblem('Start the gateway with AUTH_COOKIE_MODE=true.')
  throw new GatewayProblem(answer.detail ?? `The gateway answered ${response.status}`, {
    status: response.status,
    code: answer.code,
    retryAfter: Number(response.headers.get('Retry-After')) || null,
  })
}
