import type { HasuraAnswer } from '../hasura/metadata-request.ts'
import { type Check, failed, ok, skipped } from './check.ts'

/** The right settings of Hasura: the value of HASURA_GRAPHQL_JWT_SECRET, or the URL for HASURA_GRAPHQL_AUTH_HOOK. */
export type WantedSettings = { jwtSecret: string; hook: string }

/** Hasura's answer to a query for `__typename`. */
type Answered = { isAccepted: boolean; code: string; message: string }

// Hasura's message when its webhook has answered 401, and its messages for a missing or invalid answer.
const hookRefused = 'Authentication hook unauthorized this request'
const hookBroken = /^(webhook authentication request failed|Invalid response from authorization hook)/

/** Reads the answer of Hasura's /v1/graphql to a query for `__typename`. */
export function readAnswer({ body }: HasuraAnswer): Answered {
  const { data, errors, error, code } = (body ?? {}) as Record<string, unknown>
  const [first] = (Array.isArray(errors) ? errors : []) as {
    message?: unknown
    extensions?: { code?: unknown }
  }[]
  const { __typename } = (data ?? {}) as Record<string, unknown>
  return {
    isAccepted: typeof __typename === 'string' && !first,
    code: String(first?.extensions?.code ?? code ?? ''),
    message: String(first?.message ?? error ?? 'an answer that is not GraphQL').slice(0, 200),
  }
}

// Hasura's message to a client without the admin secret when it has neither a JWT secret nor a webhook.
const withoutMode = /admin-secret.*required, but not found/

const cures: [message: RegExp, cure: string][] = [
  [
    /Issued ?At|InFuture|Expired/i,
    'synchronise the clocks, and keep "allowed_skew":30 in HASURA_GRAPHQL_JWT_SECRET',
  ],
]

/** Checks that Hasura accepts a token of this gateway. `spoiled` is its answer to a token with an invalid signature. */
export function checkToken(answer: HasuraAnswer, spoiled: HasuraAnswer, wanted: WantedSettings): Check {
  const name = 'HASURA_GRAPHQL_JWT_SECRET'
  const { isAccepted, code, message } = readAnswer(answer)
  if (isAccepted && readAnswer(spoiled).isAccepted)
    return failed(
      name,
      'a token with an invalid signature is accepted too: signatures are not checked, as by a Hasura without this variable that has HASURA_GRAPHQL_UNAUTHORIZED_ROLE',
      `set --hasura to the URL of Hasura itself, and set this variable to ${wanted.jwtSecret}, or HASURA_GRAPHQL_AUTH_HOOK to ${wanted.hook}`,
    )
  if (isAccepted) return ok(name, 'Hasura accepts a token of this gateway, and rejects an invalid signature')
  if (withoutMode.test(message))
    return failed(
      name,
      'neither this variable nor HASURA_GRAPHQL_AUTH_HOOK is set: Hasura reads no tokens, and requires the admin secret of every client',
      `set it to ${wanted.jwtSecret}, or HASURA_GRAPHQL_AUTH_HOOK to ${wanted.hook}, and restart Hasura`,
    )
  // The session of the token does not exist, so the right webhook answers 401 too.
  if (message === hookRefused)
    return skipped(
      name,
      `Hasura uses a webhook, and the answers do not show its URL. HASURA_GRAPHQL_AUTH_HOOK must lead to ${wanted.hook}`,
    )
  if (hookBroken.test(message)) return failHook(name, message, wanted)
  if (answer.status >= 500) return failHasura(name, answer.status, message)
  const cure = cures.find(([pattern]) => pattern.test(message))?.[1]
  return failed(
    name,
    `Hasura rejects a token of this gateway: ${code} ${message}`.trim(),
    cure ?? `set it to ${wanted.jwtSecret}`,
  )
}

/**
 * Checks that Hasura treats requests without a token as its permissions and AUTH_ANONYMOUS_ROLE require. `isUsed` is
 * true when the role has permissions, and null when the metadata was not read.
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
  if (answer.status >= 500) return failHasura(name, answer.status, message)
  if (role === null) {
    if (!isAccepted)
      return ok(name, 'Hasura rejects requests without a token, and AUTH_ANONYMOUS_ROLE is empty')
    return failed(
      name,
      'Hasura answers requests without a token, although AUTH_ANONYMOUS_ROLE is empty',
      `set AUTH_ANONYMOUS_ROLE to the role of these requests, or unset HASURA_GRAPHQL_UNAUTHORIZED_ROLE and let HASURA_GRAPHQL_AUTH_HOOK lead to ${wanted.hook}`,
    )
  }
  if (isAccepted)
    return ok(
      name,
      'Hasura answers requests without a token in the role of HASURA_GRAPHQL_UNAUTHORIZED_ROLE or of the webhook',
    )
  if (message === hookRefused)
    return failed(
      name,
      `Hasura's webhook rejects requests without a token, and the webhook of this gateway gives them the role ${role}`,
      `let HASURA_GRAPHQL_AUTH_HOOK lead to ${wanted.hook}`,
    )
  const refused = 'Hasura rejects requests without a token'
  if (isUsed === null)
    return skipped(
      name,
      `${refused}; their permissions are unknown, because the metadata of Hasura is not read`,
    )
  if (!isUsed) return ok(name, `${refused}, and their role has no permissions`)
  return failed(
    name,
    `${refused}, although the role ${role} has permissions`,
    `set HASURA_GRAPHQL_UNAUTHORIZED_ROLE=${role} in JWT mode, or AUTH_ANONYMOUS_ROLE=${role} in webhook mode`,
  )
}

/** Checks that the form of claims suits the version of Hasura. */
export function checkClaims(values: 'text' | 'json', version: 2 | 3): Check {
  const name = 'AUTH_CLAIMS_VALUES'
  if (version === 2 && values === 'json')
    return failed(
      name,
      'json: Hasura v2 rejects every request of a user with a claim that is not text',
      'unset it, or set it to text',
    )
  if (version === 3 && values === 'text')
    return {
      name,
      status: 'warning',
      detail:
        'text: from the compatibility date 2024-10-16 on, Hasura v3 rejects text for Int, Float, Boolean and lists',
      cure: 'set it to json, or store no claim of these types',
    }
  return ok(name, `${values}, as Hasura v${version} reads it`)
}

/** Returns the failed check of a Hasura that has an error of its own, which says nothing about the request. */
function failHasura(name: string, status: number, message: string): Check {
  return failed(name, `Hasura itself fails: ${status} ${message}`, 'read the log of Hasura')
}

function failHook(name: string, message: string, { hook }: WantedSettings): Check {
  return failed(
    name,
    `Hasura's webhook does not answer as this gateway does: ${message}`,
    `let HASURA_GRAPHQL_AUTH_HOOK lead to ${hook}, at the address that Hasura can reach`,
  )
}
