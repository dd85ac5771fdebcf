import type { HasuraAnswer } from '../request.ts'
import { type Check, failed, ok, skipped } from './check.ts'

type Answered = { isAccepted: boolean; code: string; message: string }

/** What Hasura's /v1/graphql made of a request. */
function readAnswer({ body }: HasuraAnswer): Answered {
  const { data, errors, error, code } = (body ?? {}) as Record<string, unknown>
  const [first] = (Array.isArray(errors) ? errors : []) as {
    message?: unknown
    extensions?: { code?: unknown }
  }[]
  return {
    isAccepted: typeof data === 'object' && data !== null && !first,
    code: String(first?.extensions?.code ?? code ?? ''),
    message: String(first?.message ?? error ?? 'something that is not GraphQL').slice(0, 200),
  }
}

const cures: [message: RegExp, cure: string][] = [
  [
    /Issued ?At|InFuture|Expired/i,
    'synchronise the clocks, and keep "allowed_skew":30 in HASURA_GRAPHQL_JWT_SECRET',
  ],
]

/** Whether Hasura accepted a token of this gateway. `secret` is what HASURA_GRAPHQL_JWT_SECRET should be. */
export function checkToken(answer: HasuraAnswer, secret: string): Check {
  const name = 'HASURA_GRAPHQL_JWT_SECRET'
  const { isAccepted, code, message } = readAnswer(answer)
  if (isAccepted) return ok(name, 'Hasura accepts a token of this gateway')
  if (/hook/i.test(message)) return skipped(name, 'Hasura asks a webhook about tokens')
  const cure = cures.find(([pattern]) => pattern.test(message))?.[1]
  return failed(
    name,
    `Hasura refuses a token of this gateway: ${code} ${message}`.trim(),
    cure ?? `set it to ${secret}`,
  )
}

/** Whether requests without a token fare in Hasura as its permissions want. `isUsed`: there are some for that role. */
export function checkAnonymous(answer: HasuraAnswer, role: string | null, isUsed: boolean): Check {
  const name = 'anonymous role'
  const { isAccepted } = readAnswer(answer)
  if (isAccepted) {
    return ok(
      name,
      'Hasura answers without a token, in the role that it was told (HASURA_GRAPHQL_UNAUTHORIZED_ROLE, or the webhook)',
    )
  }
  if (role === null || !isUsed)
    return ok(name, 'Hasura refuses requests without a token, and no permission is for them')
  return failed(
    name,
    `Hasura refuses requests without a token, although the role ${role} has permissions`,
    `set HASURA_GRAPHQL_UNAUTHORIZED_ROLE=${role} in JWT mode, or AUTH_ANONYMOUS_ROLE=${role} in webhook mode`,
  )
}
