import type { HasuraAnswer } from '../hasura/metadata-request.ts'
import { type Check, failed, ok, skipped } from './check.ts'

/** What Hasura's settings should be: the value of HASURA_GRAPHQL_JWT_SECRET, or the address in HASURA_GRAPHQL_AUTH_HOOK. */
export type WantedSettings = { jwtSecret: string; hook: string }

type Answered = { isAccepted: boolean; code: string; message: string }

// What Hasura says when its webhook has answered 401, and when it has not answered, or with something else.
const hookRefused = 'Authentication hook unauthorized this request'
const hookBroken = /^(webhook authentication request failed|Invalid response from authorization hook)/

/** What Hasura's /v1/graphql made of a request for `__typename`. */
function readAnswer({ body }: HasuraAnswer): Answered {
  const { data, errors, error, code } = (body ?? {}) as Record<string, unknown>
  const [first] = (Array.isArray(errors) ? errors : []) as {
    message?: unknown
    extensions?: { code?: unknown }
  }[]
  const { __typename } = (data ?? {}) as Record<string, unknown>
  return {
    isAccepted: typeof __typename === 'string' && !first,
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

/** Whether Hasura accepted a token of this gateway. `spoiled` is its answer to one whose signature is wrong. */
export function checkToken(answer: HasuraAnswer, spoiled: HasuraAnswer, wanted: WantedSettings): Check {
  const name = 'HASURA_GRAPHQL_JWT_SECRET'
  const { isAccepted, code, message } = readAnswer(answer)
  if (isAccepted && readAnswer(spoiled).isAccepted)
    return failed(
      name,
      'a token with a spoiled signature is accepted as well: nobody checks signatures',
      `let nothing answer in place of Hasura, and set this to ${wanted.jwtSecret}, or HASURA_GRAPHQL_AUTH_HOOK to ${wanted.hook}`,
    )
  if (isAccepted) return ok(name, 'Hasura accepts a token of this gateway, and not with a spoiled signature')
  // The session of the token does not exist, so the right webhook refuses it too.
  if (message === hookRefused)
    return skipped(
      name,
      `Hasura asks a webhook about tokens; whose it is cannot be seen from here. HASURA_GRAPHQL_AUTH_HOOK must lead to ${wanted.hook}`,
    )
  if (hookBroken.test(message)) return failHook(name, message, wanted)
  const cure = cures.find(([pattern]) => pattern.test(message))?.[1]
  return failed(
    name,
    `Hasura refuses a token of this gateway: ${code} ${message}`.trim(),
    cure ?? `set it to ${wanted.jwtSecret}`,
  )
}

/**
 * Whether requests without a token fare in Hasura as its permissions and AUTH_ANONYMOUS_ROLE want. `isUsed`: there are
 * permissions for that role; null when nobody has looked.
 */
export function checkAnonymous(
  answer: HasuraAnswer,
  role: string | null,
  isUsed: boolean | null,
  wanted: WantedSettings,
): Check {
  const name = 'anonymous role'
  const { isAccepted, message } = readAnswer(answer)
  if (hookBroken.test(message)) return failHook(name, message, wanted)
  if (role === null) {
    if (!isAccepted)
      return ok(name, 'Hasura refuses requests without a token, and AUTH_ANONYMOUS_ROLE is empty')
    return failed(
      name,
      'Hasura answers without a token, although AUTH_ANONYMOUS_ROLE is empty',
      `set AUTH_ANONYMOUS_ROLE to the role that it answers in, or unset HASURA_GRAPHQL_UNAUTHORIZED_ROLE and let HASURA_GRAPHQL_AUTH_HOOK lead to ${wanted.hook}`,
    )
  }
  if (isAccepted)
    return ok(
      name,
      'Hasura answers without a token, in the role that it was told (HASURA_GRAPHQL_UNAUTHORIZED_ROLE, or the webhook)',
    )
  if (message === hookRefused)
    return failed(
      name,
      `Hasura's webhook refuses requests without a token, and this gateway's gives them the role ${role}`,
      `let HASURA_GRAPHQL_AUTH_HOOK lead to ${wanted.hook}`,
    )
  const refused = 'Hasura refuses requests without a token'
  if (isUsed === null)
    return skipped(
      name,
      `${refused}; whether permissions are for them is not known: its metadata is not read`,
    )
  if (!isUsed) return ok(name, `${refused}, and no permission is for them`)
  return failed(
    name,
    `${refused}, although the role ${role} has permissions`,
    `set HASURA_GRAPHQL_UNAUTHORIZED_ROLE=${role} in JWT mode, or AUTH_ANONYMOUS_ROLE=${role} in webhook mode`,
  )
}

function failHook(name: string, message: string, { hook }: WantedSettings): Check {
  return failed(
    name,
    `Hasura's webhook does not answer as this gateway does: ${message}`,
    `let HASURA_GRAPHQL_AUTH_HOOK lead to ${hook}, as Hasura reaches it`,
  )
}
