import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { type Clock, type Context, type Flow, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookies } from '../http/cookie.ts'
import type { OneTimeCodes } from '../stores/one-time-codes.ts'
import { seal, unseal } from '../tokens/encrypted-payload.ts'
import type { SecretKeys } from '../tokens/secrets.ts'
import type { StateStore } from './provider.ts'

type StateCookieOptions = {
  keys: SecretKeys
  /** `stateLifetime`: the maximum duration of a sign-in in seconds. */
  config: { publicUrl: string; stateLifetime: number }
  oneTimeCodes: Pick<OneTimeCodes, 'consume'>
  clock: Clock
}

const flowSchema = z.object({
  provider: z.string(),
  state: z.string(),
  codeVerifier: z.string(),
  nonce: z.string().optional(),
  redirectTo: z.string().nullable(),
  codeChallenge: z.string().nullable(),
  link: z.object({ userId: z.string(), sessionId: z.string() }).nullable(),
  page: z.boolean().default(false),
  stepUp: z.object({ userId: z.string(), sessionId: z.string(), since: z.number() }).optional(),
  callbackUrl: z.string(),
})

// A browser has at most five sign-ins under way. Their cookies leave room for others: Node accepts 32 KB of headers in
// all, of which a callback may need 16 KB for its code and state.
const most = 5
const characters = 6000

export type StateCookie = ReturnType<typeof createStateCookie>

/**
 * Creates the encrypted cookies that keep provider sign-ins between the redirect and the callback, one for each sign-in.
 * The cookie binds the callback to the browser that started the sign-in. A used state is stored, so that a callback
 * works once.
 */
export function createStateCookie({ config, keys, oneTimeCodes, clock }: StateCookieOptions) {
  const { publicUrl, stateLifetime: seconds } = config
  const cookies = createCookies('claimgate-flow', { publicUrl, sameSite: 'lax' })
  const flowCookie = z.object({
    [cookies.name]: z.string().meta({
      description: 'The sign-in that was started in this browser; the name has a hash of its `state`.',
    }),
  })
  const expiry = () => new Date(clock().getTime() + seconds * 1000)

  /** Keeps a sign-in with its secrets in a cookie of its own. Returns its new state. */
  async function begin(
    ctx: Context,
    provider: string,
    callbackUrl: string,
    secrets: Pick<Flow, 'codeVerifier' | 'nonce'>,
  ): Promise<string> {
    const state = randomBytes(32).toString('base64url')
    const start = ctx.state.start ?? { redirectTo: null, codeChallenge: null, link: null, page: false }
    const flow: Flow = { provider, state, ...secrets, ...start }
    const sealed = await seal({ ...flow, callbackUrl }, keys, expiry())
    cookies.write(ctx, state, sealed, { now: clock(), seconds, most, characters })
    return state
  }

  /** Returns the sign-in of this browser with the state of the query; undefined without a valid cookie. */
  async function load(ctx: Context, provider: string, callbackUrl: string): Promise<Flow | undefined> {
    const [state = '', ...others] = new URLSearchParams(ctx.querystring).getAll('state')
    const sealed = others.length > 0 ? undefined : cookies.read(ctx, state)
    if (sealed === undefined) return undefined
    try {
      const flow = flowSchema.parse(await unseal(sealed, keys, clock()))
      const isOurs = flow.provider === provider && flow.callbackUrl === callbackUrl
      return isOurs && timingSafeEqual(sha256(flow.state), sha256(state)) ? flow : undefined
    } catch (error) {
      ctx.state.log.debug({ cause: String(error) }, 'state cookie rejected')
      return undefined
    }
  }

  return {
    begin,

    /** Creates the state store of one provider's strategy. `open` checks the callback before Passport. */
    store: (provider: string, callbackUrl: string): StateStore => ({
      store(req, verifier, _state, _meta, done) {
        const { ctx } = req as { ctx: Context }
        begin(ctx, provider, callbackUrl, { codeVerifier: verifier }).then((state) => done(null, state), done)
      },
      verify(req, _state, _meta, done) {
        const { ctx } = req as { ctx: Context }
        done(ctx.state.flow ? null : new GatewayError('invalid_state'), ctx.state.flow?.codeVerifier)
      },
    }),

    /**
     * Finds the sign-in of the callback by its state, for this provider and callback URL. The cookie stays, so that a
     * callback that is rejected ends no sign-in under way. Without a sign-in, `open` rejects the callback.
     */
    find: ({ provider, callbackUrl }: { provider: string; callbackUrl: string }): Middleware =>
      withContract({ cookie: flowCookie }, async function findFlow(ctx, next) {
        const flow = await load(ctx, provider, callbackUrl)
        if (flow) ctx.state.flow = flow
        if (flow?.link) ctx.state.attempt = { provider, failed: 'identity.refused' }
        if (flow?.stepUp) ctx.state.attempt = { provider, ok: 'stepup.ok', failed: 'stepup.failed' }
        await next()
      }),

    /** Uses up the sign-in of the callback, and clears its cookie. Throws `invalid_state` for an unknown or used state. */
    open: (): Middleware =>
      withContract({ errors: ['invalid_state', 'database_unavailable'] }, async function openFlow(ctx, next) {
        const { flow } = ctx.state
        if (!flow) throw new GatewayError('invalid_state')
        cookies.clear(ctx, flow.state)
        if (!(await oneTimeCodes.consume(sha256(flow.state), expiry()))) {
          // The sign-in has ended already, so its app gets no second answer.
          delete ctx.state.flow
          throw new GatewayError('invalid_state')
        }
        await next()
      }),
  }
}

function sha256(value: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(value).digest())
}
