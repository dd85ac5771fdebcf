import * as z from 'zod'
import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { readFields } from '../http/body.ts'
import { toGatewayError } from '../http/error-handler.ts'
import { requireShortQuery } from '../http/query.ts'

// A code of 8 KB, as some providers have it, a state of 8 KB, and parameters that the provider adds.
const maxCharacters = 20_480
const maxParameters = 100

// Providers add parameters of their own (scope, authuser, prompt, iss); a strategy reads none of them.
const callbackQuery = z.looseObject({
  state: z.string().min(1).max(8192).meta({ description: 'The state of the authorization request.' }),
  code: z
    .string()
    .min(1)
    .max(8192)
    .meta({ description: 'The authorization code of the provider.' })
    .optional(),
  error: z.string().min(1).max(200).meta({ description: 'The error code of the provider.' }).optional(),
  iss: z
    .string()
    .max(2000)
    .meta({ description: 'The issuer identifier of the provider (RFC 9207).' })
    .optional(),
})

/**
 * Reads the query of the callback: each parameter once, a state, and a code or an error. An answer with another `iss`
 * than the known `issuer` is rejected (RFC 9207, section 2.4). Throws `invalid_state`, and `query_too_long` for a query
 * that a strategy could not read in a short time.
 */
export function readCallback({ issuer }: { issuer: string | undefined }): Middleware {
  return withContract(
    { query: callbackQuery, errors: ['invalid_state', 'query_too_long'] },
    async function readCallback(ctx, next) {
      requireShortQuery(ctx, maxCharacters)
      if (new URLSearchParams(ctx.querystring).size > maxParameters)
        throw new GatewayError('query_too_long', { detail: `At most ${maxParameters} parameters` })
      const query = callbackQuery.safeParse({ ...ctx.query })
      if (!query.success) throw new GatewayError('invalid_state', { cause: query.error })
      const { iss } = query.data
      if (iss !== undefined && issuer !== undefined && iss !== issuer) {
        throw new GatewayError('invalid_state', { detail: 'The answer comes from another provider' })
      }
      ctx.state.callback = query.data
      await next()
    },
  )
}

type PassOnOptions = {
  /** The callback URL of the provider. */
  callbackUrl: string
}

// The answer also has an ID token, and at the first sign-in the name of the user.
const formBytes = 32_768

/**
 * Redirects the form that the page of a provider posts to the callback, with the parameters that `readCallback` reads.
 * Browsers send the Lax cookie of the sign-in with that GET, and not with a POST of another site.
 */
export function passOnForm({ callbackUrl }: PassOnOptions): Middleware {
  return withContract(
    {
      body: { schema: callbackQuery, limit: formBytes, type: 'application/x-www-form-urlencoded' },
      answers: {
        303: {
          description: 'Redirects to the same address, with GET.',
          headers: { Location: 'The callback of the provider, with its answer as the query.' },
        },
      },
      errors: [
        'invalid_state',
        'query_too_long',
        'unsupported_media_type',
        'body_too_large',
        'malformed_request',
      ],
    },
    async function passOnForm(ctx) {
      const answer = callbackQuery.safeParse(await readFields(ctx, formBytes))
      if (!answer.success) throw new GatewayError('invalid_state', { cause: answer.error })
      const { state, code, error, iss } = answer.data
      const target = new URL(callbackUrl)
      for (const [name, value] of Object.entries({ state, code, error, iss }))
        if (value !== undefined) target.searchParams.set(name, value)
      if (target.search.length > maxCharacters)
        throw new GatewayError('query_too_long', { detail: `At most ${maxCharacters} characters` })
      ctx.status = 303
      ctx.redirect(target.href)
    },
  )
}

/** Throws `provider_denied` when the user or the provider rejected the sign-in. Runs after the check of the state. */
export function requireApproval(): Middleware {
  return withContract({ errors: ['provider_denied'] }, async function requireApproval(ctx, next) {
    if (ctx.state.callback?.error !== undefined || ctx.state.callback?.code === undefined) {
      throw new GatewayError('provider_denied')
    }
    await next()
  })
}

type ReturnErrorsOptions = {
  /** Returns the page of the gateway that shows the error of this request; null for a request of an app. */
  pageFor: ((ctx: Context) => URL | null) | undefined
}

/**
 * Redirects the browser with the error of a sign-in: to a page of the gateway, or, once the state cookie is found, to the
 * `redirect_to` of the client.
 */
export function returnErrors({ pageFor }: ReturnErrorsOptions): Middleware {
  const toApp =
    'Redirects to the `redirect_to` of the sign-in, with a one-time `code`, or with `error` and `error_description`.'
  const toPage =
    'An error of a sign-in from a page, or of an unknown sign-in, redirects to `/signin` with `error`.'
  return withContract(
    {
      answers: {
        302: {
          description: pageFor ? `${toApp} ${toPage}` : toApp,
          headers: {
            Location: pageFor ? 'An address of the app or of the sign-in page.' : 'An address of the app.',
          },
        },
      },
    },
    async function returnErrors(ctx, next) {
      try {
        await next()
      } catch (error) {
        const page = pageFor?.(ctx) ?? null
        const redirectTo = (ctx.state.flow ?? ctx.state.start)?.redirectTo
        if (!page && !redirectTo) throw error
        const { code, title } = toGatewayError(error, ctx)
        const target = page ?? new URL(redirectTo ?? '')
        target.searchParams.set('error', code)
        if (!page) target.searchParams.set('error_description', title)
        ctx.redirect(target.href)
      }
    },
  )
}
