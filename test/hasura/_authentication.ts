import type { IncomingHttpHeaders } from 'node:http'
import { readJwks, readToken, readWebhook, webhookGetHeaders } from '../_hasura.ts'

/** The authentication settings of a Hasura. */
export type Authentication = {
  adminSecret: string | null
  /** The keys and settings of HASURA_GRAPHQL_JWT_SECRET in JWT mode; null in webhook mode. */
  jwt: { jwks: string; issuer: string; audience: string; skew?: number } | null
  /** HASURA_GRAPHQL_AUTH_HOOK; null without it, and without `jwt` Hasura then reads the admin secret alone. */
  hook: string | null
  unauthorizedRole: string | null
}

const typename = { status: 200, body: { data: { __typename: 'query_root' } } }

function refuse(code: string, message: string) {
  return { status: 200, body: { errors: [{ message, extensions: { path: '$', code } }] } }
}

/** Answers `{ __typename }` as Hasura does: every authenticated client gets it, in any role. */
export async function answerGraphql(
  { adminSecret, jwt, hook, unauthorizedRole }: Authentication,
  headers: IncomingHttpHeaders,
) {
  if (adminSecret === null) return typename
  if (!jwt && hook !== null) return askHook(hook, headers as Record<string, string>)
  if (!jwt)
    return unauthorizedRole !== null
      ? typename
      : refuse('access-denied', 'x-hasura-admin-secret/x-hasura-access-key required, but not found')
  const [, token] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? []
  if (token === undefined) {
    if (unauthorizedRole !== null) return typename
    return refuse('invalid-headers', "Missing 'Authorization' or 'Cookie' header in JWT authentication mode")
  }
  try {
    readToken(token, readJwks(jwt.jwks), { ...jwt, now: Math.floor(Date.now() / 1000) })
    return typename
  } catch (error) {
    return refuse('invalid-jwt', `Could not verify JWT: ${jwtError((error as Error).message)}`)
  }
}

async function askHook(hook: string, client: Record<string, string>) {
  let status: number
  let text: string
  try {
    const response = await fetch(hook, { headers: webhookGetHeaders(client) })
    status = response.status
    text = await response.text()
  } catch {
    return refuse('unexpected', 'webhook authentication request failed')
  }
  try {
    if (readWebhook(status, text)) return typename
    return refuse('access-denied', 'Authentication hook unauthorized this request')
  } catch {
    return refuse('unexpected', 'Invalid response from authorization hook')
  }
}

/** Returns Hasura's message for an error of the model. */
function jwtError(message: string): string {
  if (/is not in the JWKS|signature/.test(message)) return 'JWSError JWSInvalidSignature'
  if (/in the future/.test(message)) return 'JWTIssuedAtFuture'
  if (/expired/.test(message)) return 'JWTExpired'
  return /lacks/.test(message) ? 'JWTNotInAudience' : /: iss/.test(message) ? 'JWTNotInIssuer' : message
}
