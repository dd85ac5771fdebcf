import * as z from 'zod'
import { type Middleware, requireState, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { withBody } from '../http/body.ts'
import { readQuery } from '../http/query.ts'
import { storableText } from '../http/validate.ts'
import { createRequireTarget, longestTarget, redirectTarget } from './redirect-target.ts'

const asked = {
  redirect_to: redirectTarget('https://app.example.com/signed-in').optional(),
  code_challenge: z
    .string()
    .regex(/^[\w-]{43}$/, 'must be the base64url of a SHA-256')
    .meta({
      description:
        'The SHA-256 of a `codeVerifier` in base64url (PKCE, RFC 7636). The exchange of the code then requires the verifier. Required with `redirect_to` when `AUTH_REQUIRE_PKCE` is true.',
      examples: ['E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'],
    })
    .optional(),
  code_challenge_method: z
    .literal('S256', 'must be S256')
    .meta({ description: 'Required with `code_challenge`.' })
    .optional(),
}

type Asked = z.infer<z.ZodObject<typeof asked>>

function paired<T extends Asked>(schema: z.ZodType<T>) {
  return schema
    .refine((query) => query.code_challenge === undefined || query.redirect_to !== undefined, {
      path: ['code_challenge'],
      message: 'is of no use without redirect_to',
    })
    .refine((query) => (query.code_challenge === undefined) === (query.code_challenge_method === undefined), {
      path: ['code_challenge_method'],
      message: 'and code_challenge belong together',
    })
}

const prompts = '(?:login|consent|select_account|create)'

const hints = {
  login_hint: storableText(320)
    .min(1, 'must not be empty')
    .meta({
      description:
        'The username or e-mail address for the page of the provider, if the provider takes it (OpenID Connect).',
      examples: ['ada@example.com'],
    })
    .optional(),
  prompt: z
    .string()
    .regex(
      new RegExp(`^(?:none|${prompts}(?: ${prompts}){0,3})$`),
      'must be none, or some of login, consent, select_account and create, separated by spaces',
    )
    .meta({
      description: 'The pages that the provider shows, if it takes it (OpenID Connect).',
      examples: ['select_account'],
    })
    .optional(),
}

const startQuery = paired(z.strictObject({ ...asked, ...hints }))
const hintsQuery = z.object(hints)
// Links to a page may have parameters that other programs added.
const pageQuery = paired(z.object({ ...asked, state: storableText(512).optional() }))

export type StartOptions = { config: { redirectOrigins: readonly string[]; requirePkce: boolean } }

/** Throws `validation_failed` when a sign-in that ends with a one-time code lacks a challenge that it requires. */
function requireChallenge(
  { redirect_to: redirectTo, code_challenge: challenge }: Asked,
  isRequired: boolean,
): void {
  if (!isRequired || redirectTo === undefined || challenge !== undefined) return
  const detail = 'is required with redirect_to: AUTH_REQUIRE_PKCE is true'
  throw new GatewayError('validation_failed', {
    errors: [{ field: 'code_challenge', rule: 'required', detail }],
  })
}

/**
 * Reads the parameters of a provider sign-in: the redirect target, and a PKCE challenge (RFC 7636), which binds the
 * one-time code to the client; `login_hint` and `prompt` are for the provider. Throws `redirect_not_allowed` or `validation_failed`.
 */
export function startSignIn({ config }: StartOptions): Middleware {
  const requireAllowed = createRequireTarget(config.redirectOrigins)
  return withContract(
    {
      query: startQuery,
      answers: {
        302: {
          description: 'Redirects to the provider.',
          headers: { Location: 'The page where the person signs in.' },
        },
      },
      errors: ['validation_failed', 'redirect_not_allowed'],
    },
    async function startSignIn(ctx, next) {
      const query = readQuery(ctx, startQuery)
      requireAllowed(query.redirect_to)
      requireChallenge(query, config.requirePkce)
      ctx.state.start = {
        redirectTo: query.redirect_to ?? null,
        codeChallenge: query.code_challenge ?? null,
        link: null,
        page: false,
      }
      ctx.state.hints = { loginHint: query.login_hint, prompt: query.prompt }
      await next()
    },
  )
}

/** Reads `login_hint` and `prompt` of a form that asked for a click before a provider sign-in. */
export function readHints(): Middleware {
  return async function readHints(ctx, next) {
    const { login_hint: loginHint, prompt } = readQuery(ctx, hintsQuery)
    ctx.state.hints = { loginHint, prompt }
    await next()
  }
}

/** Reads the parameters of a sign-in on the pages. The client's `state` returns to the client with the code. */
export function startPageSignIn({ config }: StartOptions): Middleware {
  const requireAllowed = createRequireTarget(config.redirectOrigins)
  return async function startPageSignIn(ctx, next) {
    const query = readQuery(ctx, pageQuery)
    const { redirect_to: redirectTo, code_challenge: codeChallenge, state } = query
    requireAllowed(redirectTo)
    requireChallenge(query, config.requirePkce)
    const target = redirectTo === undefined ? null : withState(redirectTo, state)
    ctx.state.start = { redirectTo: target, codeChallenge: codeChallenge ?? null, link: null, page: true }
    await next()
  }
}

function withState(redirectTo: string, state: string | undefined): string {
  if (state === undefined) return redirectTo
  const target = new URL(redirectTo)
  target.searchParams.set('state', state)
  // The pages pass the target with its state on as one redirect_to.
  if (target.href.length > longestTarget) {
    const detail = `makes redirect_to longer than ${longestTarget} characters`
    throw new GatewayError('validation_failed', { errors: [{ field: 'state', rule: 'invalid', detail }] })
  }
  return target.href
}

/** The body of POST /user/identities/:provider. */
export const linkBody = z.strictObject({
  redirectTo: redirectTarget('https://app.example.com/account').optional(),
})

const noQuery = z.strictObject({})

const linkAnswer = z.strictObject({
  url: z.url().meta({
    description: 'The URL to open in the same browser.',
    examples: ['https://github.com/login/oauth/authorize?client_id=example'],
  }),
})

/**
 * Starts to link a provider to the user of the access token. The state cookie binds the callback to the user and the
 * session. Throws `redirect_not_allowed`, and `validation_failed` for any query.
 */
export function startLink({ config }: StartOptions): Middleware {
  const requireAllowed = createRequireTarget(config.redirectOrigins)
  return withContract(
    {
      answers: { 200: { description: 'The URL that starts the linking.', schema: linkAnswer } },
      errors: ['validation_failed', 'redirect_not_allowed'],
    },
    withBody(linkBody, async function startLink(ctx, { redirectTo = null }, next) {
      // The strategy would treat a query as the answer of its provider.
      readQuery(ctx, noQuery)
      const { userId, sessionId } = requireState(ctx, 'bearer')
      requireAllowed(redirectTo)
      const link = { userId, sessionId }
      ctx.state.start = { redirectTo, codeChallenge: null, link, page: false }
      await next()
      const url = ctx.response.get('Location')
      ctx.remove('Location')
      ctx.status = 200
      ctx.body = { url }
    }),
  )
}
