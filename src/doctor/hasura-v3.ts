import type { HasuraAnswer } from '../hasura/metadata-request.ts'
import { type Check, failed, ok, skipped } from './check.ts'
import { readAnswer } from './token.ts'

/** The right values of an AuthConfig of Hasura v3. */
export type WantedAuthConfig = { jwks: string; hook: string; issuer: string; audience: string }

/** Returns true for an answer of `/graphql` in the form of GraphQL. Hasura v2 has no such path, and answers otherwise. */
export function isGraphql({ body }: HasuraAnswer): boolean {
  if (typeof body !== 'object' || body === null) return false
  return 'data' in body || Array.isArray((body as { errors?: unknown }).errors)
}

/**
 * Checks that Hasura v3 accepts a token of this gateway. `spoiled` is its answer to a token with an invalid signature. An
 * AuthConfig cannot be read from the engine.
 */
export function checkAuthConfig(
  answer: HasuraAnswer,
  spoiled: HasuraAnswer,
  wanted: WantedAuthConfig,
): Check {
  const name = 'AuthConfig'
  const { isAccepted, message } = readAnswer(answer)
  const right = `jwkFromUrl: ${wanted.jwks}, issuer: ${wanted.issuer}, audience: [${wanted.audience}], allowedSkew: 30`
  if (isAccepted && readAnswer(spoiled).isAccepted)
    return failed(
      name,
      'a token with an invalid signature is accepted too: the first mode is noAuth',
      `make jwt the first mode, with ${right}, and noAuth an alternative mode`,
    )
  if (isAccepted) return ok(name, 'Hasura accepts a token of this gateway, and rejects an invalid signature')
  // The session of the token does not exist, so the right webhook answers 401, which v3 makes a 403.
  if (answer.status === 403)
    return skipped(
      name,
      `Hasura uses a webhook, and the answers do not show its URL, which must lead to ${wanted.hook}`,
    )
  const what = `Hasura rejects a token of this gateway: ${answer.status} ${message}`
  return failed(
    name,
    what,
    /ExpiredSignature/.test(message) ? 'synchronise the clocks, and keep allowedSkew: 30' : `set ${right}`,
  )
}

/** Checks the answer of Hasura v3 to a request without a token. */
export function checkAnonymousV3(answer: HasuraAnswer, role: string | null): Check {
  const name = 'anonymous role'
  const { isAccepted } = readAnswer(answer)
  if (isAccepted && role === null)
    return failed(
      name,
      'Hasura answers requests without a token, although AUTH_ANONYMOUS_ROLE is empty',
      'set AUTH_ANONYMOUS_ROLE to the role of these requests, or make jwt or webhook the first mode of the AuthConfig',
    )
  if (isAccepted) return ok(name, 'Hasura answers requests without a token')
  const refused = 'Hasura rejects requests without a token'
  if (role === null) return ok(name, `${refused}, and AUTH_ANONYMOUS_ROLE is empty`)
  return skipped(name, `${refused}, unless X-Hasura-Auth-Mode names a mode with noAuth, which is not tried`)
}
