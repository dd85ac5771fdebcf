import * as z from 'zod'
import { bearer } from '../authentication/bearer.ts'
import { claimsProxy, requireClaims } from '../claims/claims-proxy.ts'
import type { ClaimsValues } from '../claims/hasura-claims.ts'
import {
  type Answer,
  type Bearer,
  type Clock,
  type Context,
  type Contract,
  type HasuraClaims,
  type Middleware,
  requireState,
  type SessionVariable,
  withContract,
} from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import { requireWebhookSecret } from '../hasura/shared-secrets.ts'
import { bodyOf, jsonBody } from '../http/body.ts'
import { readHeader, repeatedHeader } from '../http/request.ts'
import { id } from './schemas.ts'

const bodyLimit = 1_048_576

// Every header costs time, and no HTTP server accepts as many.
const maxHeaders = 1_000

const postedHeaders = z.record(z.string(), z.string()).meta({
  description: `The headers of the client, such as \`Authorization\` and \`X-Hasura-Role\`, at most ${maxHeaders}. The case of names does not matter.`,
  examples: [{ Authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhNmNkYTdmZiJ9.c2lnbmF0dXJl' }],
})

/** The body that Hasura posts in webhook mode. A newer Hasura may add members. */
const webhookBody = z.looseObject({
  // Counts first, because the check of every member takes long.
  headers: z.preprocess((headers, ctx) => {
    if (typeof headers === 'object' && headers !== null && Object.keys(headers).length > maxHeaders)
      ctx.addIssue({ code: 'custom', message: `has more than ${maxHeaders} members` })
    return headers
  }, postedHeaders),
})

/** The headers that `GET /webhook` reads. */
const webhookHeaders = z.object({
  'X-Hasura-Role': z
    .string()
    .meta({ description: 'The requested role. An empty one counts as absent.', examples: ['editor'] })
    .optional(),
})

// JSON but null.
const anyValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.unknown()), z.looseObject({})])

/** Creates the contract of the answer. Hasura v2 rejects other values than strings. */
const createWebhookContract = (values: ClaimsValues): Answer => ({
  description:
    values === 'text'
      ? 'The session variables; all values are strings.'
      : 'The session variables; those of claims have the stored types.',
  schema: z
    .object({
      'X-Hasura-Role': z.string().meta({ description: 'The role of the request.', examples: ['editor'] }),
      'X-Hasura-User-Id': id
        .meta({ description: 'The id of the user; absent for an anonymous request.' })
        .optional(),
      'Cache-Control': z
        .string()
        .regex(/^max-age=\d+$/)
        .meta({ description: 'The time for which Hasura may cache the answer.', examples: ['max-age=900'] })
        .optional(),
    })
    .catchall(values === 'text' ? z.string() : anyValue)
    .meta({ title: 'SessionVariables' }),
})

/** Returns a header of Hasura's client. */
type HeaderOf = (ctx: Context, name: string) => string | undefined

/** GET /webhook: answers Hasura's webhook mode. Hasura forwards the headers of its client. */
export function webhook(deps: Dependencies): Middleware[] {
  const isOptional = deps.config.roles.anonymousRole !== null
  const contract: Contract = { credential: { kind: 'accessToken', isOptional }, header: webhookHeaders }
  return [...secretSteps(deps), ...webhookSteps(deps, forwardedHeader, contract)]
}

/** POST /webhook: answers Hasura's webhook mode with the headers of the client in the body, or as for GET. */
export function postedWebhook(deps: Dependencies): Middleware[] {
  const body = jsonBody(webhookBody, { limit: bodyLimit })
  const contract: Contract = {
    credential: { kind: 'accessToken', isOptional: true },
    header: webhookHeaders,
  }
  return [...secretSteps(deps), body, ...webhookSteps(deps, postedHeader, contract)]
}

/** Returns the step that requires AUTH_WEBHOOK_SECRET, if it is set. */
function secretSteps({ config: { webhookSecret } }: Dependencies): Middleware[] {
  return webhookSecret === undefined ? [] : [requireWebhookSecret({ secret: webhookSecret })]
}

function webhookSteps(deps: Dependencies, headerOf: HeaderOf, contract: Contract): Middleware[] {
  const { config, accessTokens, webhookReads, clock } = deps
  const { anonymousRole, claimsValues } = config.roles
  const answers = { 200: createWebhookContract(claimsValues) }
  return [
    anonymous({ anonymousRole, headerOf, answers }),
    bearer({
      accessTokens,
      clock,
      authorization: (ctx) => headerOf(ctx, 'authorization'),
      contract,
    }),
    claimsProxy({ roles: config.roles, read: webhookReads.current, refused: 'invalid_token' }),
    sessionVariables({ clock, headerOf, answers }),
  ]
}

const forwardedHeader: HeaderOf = (ctx, name) => {
  const text = readHeader(ctx, name)
  // Node decodes headers as Latin-1. Hasura forwards the bytes of the client, which are UTF-8.
  return text !== undefined && /[\x80-\xff]/.test(text) ? Buffer.from(text, 'latin1').toString() : text
}

const postedHeader: HeaderOf = (ctx, name) => {
  const { headers } = bodyOf(ctx, webhookBody)
  const values = Object.entries(headers).filter(([key]) => key.toLowerCase() === name)
  if (values.length > 1) throw repeatedHeader(name)
  const posted = values[0]?.[1]
  // Hasura v3 forwards a header of its client here, there or in both places, as its configuration says.
  const forwarded = forwardedHeader(ctx, name)
  if (posted !== undefined && forwarded !== undefined && posted !== forwarded)
    throw new GatewayError('invalid_token', {
      detail: `The header ${name} of the request differs from the one in the body. Send one of them.`,
    })
  return posted ?? forwarded
}

type Answers = NonNullable<Contract['answers']>
type AnonymousOptions = { anonymousRole: string | null; headerOf: HeaderOf; answers: Answers }

/**
 * Answers a request without a credential: with the anonymous role, or with 401 when the deployment has none. A wrong
 * credential passes on.
 */
function anonymous({ anonymousRole, headerOf, answers }: AnonymousOptions): Middleware {
  return withContract(
    { answers, errors: ['invalid_token', 'role_denied'] },
    async function anonymous(ctx, next) {
      if (headerOf(ctx, 'authorization') !== undefined) return next()
      if (anonymousRole === null)
        throw new GatewayError('invalid_token', {
          detail: 'An access token is required. Send it in the header Authorization.',
        })
      const asked = headerOf(ctx, 'x-hasura-role')
      ctx.body = { 'X-Hasura-Role': chooseRole(asked, [anonymousRole], anonymousRole) }
    },
  )
}

type VariablesOptions = { clock: Clock; headerOf: HeaderOf; answers: Answers }

/**
 * Answers with the session variables and their lifetime in seconds. The requested role is used
 * if the user has it. All other `x-hasura-*` headers of the client are ignored.
 */
function sessionVariables({ clock, headerOf, answers }: VariablesOptions): Middleware {
  return withContract({ answers, errors: ['role_denied'] }, async function sessionVariables(ctx) {
    const remaining = remainingOf(requireState(ctx, 'bearer'), clock())
    ctx.body = createWebhookAnswer(requireClaims(ctx).claims, headerOf(ctx, 'x-hasura-role'), remaining)
  })
}

/** Returns the remaining seconds of a token; 0 for one that has expired while its session was read. */
export function remainingOf({ expiresAt }: Bearer, now: Date): number {
  return Math.max(0, expiresAt - Math.floor(now.getTime() / 1000))
}

/**
 * Returns the session variables of a user in the requested role, or else in the default role. They are valid for the
 * remaining seconds of the token. Throws `role_denied` for a role that the user does not have.
 */
export function createWebhookAnswer(
  claims: HasuraClaims,
  asked: string | undefined,
  remaining: number,
): Record<string, SessionVariable> {
  return {
    ...claims.extra,
    'X-Hasura-User-Id': claims.userId,
    'X-Hasura-Role': chooseRole(asked, claims.allowedRoles, claims.defaultRole),
    'Cache-Control': `max-age=${remaining}`,
  }
}

/** Returns the requested role, or else the default role. An empty `X-Hasura-Role` counts as absent, as in Hasura's JWT mode. */
function chooseRole(asked: string | undefined, allowed: readonly string[], defaultRole: string): string {
  const role = asked || defaultRole
  if (!allowed.includes(role)) throw new GatewayError('role_denied', { event: 'role.denied' })
  return role
}
