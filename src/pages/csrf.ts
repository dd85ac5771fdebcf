import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock, Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookie } from '../http/cookie.ts'
import type { SecretKeys } from '../tokens/secrets.ts'

type CsrfOptions = {
  keys: SecretKeys
  secure: boolean
  /** The origin of the pages. */
  origin: string
  clock: Clock
}

export type Csrf = ReturnType<typeof createCsrf>

// In seconds. Whoever leaves a page open over night finds out that it has expired. The cookie lasts longer than any form.
const formLifetime = 4 * 3600
const cookieLifetime = 7 * 86_400

/** What a token is bound to: the session of whoever is signed in, or a cookie of the browser. */
type Binding = { kind: 's' | 'b'; value: string }

/** Why a form was not accepted, besides its code: what a person can do about it differs. */
export const formErrors = { expired: 'The form has expired', noCookie: 'The browser sent no cookie' } as const

/**
 * Keeps other sites from sending our forms. Each form has a token: when it was made, what it is bound to, a random part,
 * and an HMAC over these and that to which it is bound: the session of whoever is signed in, and for everybody else the
 * value of a random cookie. Besides, the browser must say that the form comes from our own origin.
 */
export function createCsrf({ keys, secure, origin, clock }: CsrfOptions) {
  const cookie = createCookie('claimgate-form', { secure, sameSite: 'lax' })
  const seconds = (): number => Math.floor(clock().getTime() / 1000)

  function bindingOf(ctx: Context): Binding | null {
    const { browserSession } = ctx.state
    if (browserSession) return { kind: 's', value: browserSession.sessionId }
    const value = cookie.read(ctx)
    return value && /^[\w-]{22}$/.test(value) ? { kind: 'b', value } : null
  }

  function sign(content: string, { value }: Binding, key: Uint8Array): Buffer {
    return createHmac('sha256', key).update(`${content} ${value}`).digest()
  }

  /** Refuses what another origin has sent (`origin_not_allowed`), before anything of it is read. */
  const requireOwnOrigin: Middleware = async function requireOwnOrigin(ctx, next) {
    const site = ctx.get('sec-fetch-site')
    const isOurs = ctx.get('origin') === origin && (site === '' || site === 'same-origin')
    if (!isOurs) throw new GatewayError('origin_not_allowed')
    await next()
  }

  /** Refuses a form whose token is not for this browser, or too old (`invalid_state`). */
  const requireToken: Middleware = async function requireToken(ctx, next) {
    const [, content = '', time = '', kind, mac = ''] =
      /^((\d{1,12})\.([sb])[\w-]{22})\.([\w-]{43})$/.exec(ctx.state.form?.csrf ?? '') ?? []
    const age = seconds() - Number(time)
    const isExpired = content === '' || age < -60 || age > formLifetime
    const binding = bindingOf(ctx)
    if (binding === null && kind === 'b' && !isExpired)
      throw new GatewayError('invalid_state', { detail: formErrors.noCookie })
    const given = Buffer.from(mac, 'base64url')
    const isGood =
      !isExpired &&
      binding !== null &&
      keys.some((key) => timingSafeEqual(given, sign(content, binding, key)))
    if (!isGood) throw new GatewayError('invalid_state', { detail: formErrors.expired })
    await next()
  }

  return {
    /** The token of a form that this request is answered with. The browser gets a cookie, or the one it has for longer. */
    tokenFor: (ctx: Context): string => {
      const binding = bindingOf(ctx) ?? { kind: 'b', value: randomBytes(16).toString('base64url') }
      if (binding.kind === 'b') cookie.write(ctx, binding.value, cookieLifetime)
      const content = `${seconds()}.${binding.kind}${randomBytes(16).toString('base64url')}`
      return `${content}.${sign(content, binding, keys[0]).toString('base64url')}`
    },

    requireOwnOrigin,
    requireToken,
  }
}
