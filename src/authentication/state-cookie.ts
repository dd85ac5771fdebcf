import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { type Clock, type Context, type Flow, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookie } from '../http/cookie.ts'
import type { OneTimeCodes } from '../stores/one-time-codes.ts'
import { seal, unseal } from '../tokens/encrypted-payload.ts'
import type { SecretKeys } from '../tokens/secrets.ts'
import type { StateStore } from './provider.ts'

type StateCookieOptions = {
  keys: SecretKeys
  /** `stateLifetime`: the maximum duration of a sign-in in seconds. */
  config: { publicUrl: string; stateLifetime: number }
  oneTimeCodes: Pick<OneTimeCodes, 'consumeState'>
  clock: Clock
}

const flowSchema = z.object({
  provider: z.string(),
  state: z.string(),
  codeVerifier: z.string(),
  redirectTo: z.string().nullable(),
  codeChallenge: z.string().nullable(),
  link: z.object({ userId: z.string(), sessionId: z.string() }).nullable(),
  page: z.boolean().default(false),
  stepUp: z.object({ userId: z.string(), sessionId: z.string() }).optional(),
  callbackUrl: z.string(),
})

/**
 * Creates the encrypted cookie that keeps a provider sign-in between the redirect and the callback. The cookie binds
 * the callback to the browser that started the sign-in. A used state is stored, so that a callback works once.
 */
export function createStateCookie({ config, keys, oneTimeCodes, clock }: StateCookieOptions) {
  const { publicUrl, stateLifetime: lifetime } = config
  const cookie = createCookie('claimgate-flow', { publicUrl, sameSite: 'lax' })
  const flowCookie = z.object({
    [cookie.name]: z.string().meta({ description: 'The sign-in that was started in this browser.' }),
  })

  async function save(ctx: Context, flow: Flow, callbackUrl: string): Promise<void> {
    const expiresAt = new Date(clock().getTime() + lifetime * 1000)
    cookie.write(ctx, await seal({ ...flow, callbackUrl }, keys, expiresAt), lifetime)
  }

  async function load(ctx: Context): Promise<z.infer<typeof flowSchema>> {
    try {
      return flowSchema.parse(await unseal(cookie.read(ctx) ?? '', keys, clock()))
    } catch (error) {
      throw new GatewayError('invalid_state', { cause: String(error) })
    }
  }

  return {
    /** Creates the state store of one provider's strategy. `open` checks the callback before Passport. */
    store: (provider: string, callbackUrl: string): StateStore => ({
      store(req, verifier, _state, _meta, done) {
        const { ctx } = req as { ctx: Context }
        const state = randomBytes(32).toString('base64url')
        const start = ctx.state.start ?? { redirectTo: null, codeChallenge: null, link: null, page: false }
        save(ctx, { provider, state, codeVerifier: verifier, ...start }, callbackUrl).then(
          () => done(null, state),
          done,
        )
      },
      verify(req, _state, _meta, done) {
        const { ctx } = req as { ctx: Context }
        done(ctx.state.flow ? null : new GatewayError('invalid_state'), ctx.state.flow?.codeVerifier)
      },
    }),

    /**
     * Reads the sign-in from the cookie and clears the cookie. Throws `invalid_state` for another provider, callback
     * URL or state, and for an expired or used state.
     */
    open: ({ provider, callbackUrl }: { provider: string; callbackUrl: string }): Middleware =>
      withContract(
        { cookie: flowCookie, errors: ['invalid_state', 'database_unavailable'] },
        async function openFlow(ctx, next) {
          const flow = await load(ctx).finally(() => cookie.clear(ctx))
          const isOurs = flow.provider === provider && flow.callbackUrl === callbackUrl
          const hash = sha256(flow.state)
          const isSame = timingSafeEqual(hash, sha256(ctx.state.callback?.state ?? ''))
          if (!isOurs || !isSame) throw new GatewayError('invalid_state')
          const expiresAt = new Date(clock().getTime() + lifetime * 1000)
          if (!(await oneTimeCodes.consumeState(hash, expiresAt))) throw new GatewayError('invalid_state')
          ctx.state.flow = flow
          if (flow.link) ctx.state.attempt = { provider, failed: 'identity.refused' }
          if (flow.stepUp) ctx.state.attempt = { provider, ok: 'stepup.ok', failed: 'stepup.failed' }
          await next()
        },
      ),
  }
}

function sha256(value: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(value).digest())
}
