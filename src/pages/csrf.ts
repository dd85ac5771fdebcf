import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock, Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookie } from '../http/cookie.ts'
import type { SecretKeys } from '../tokens/secrets.ts'

type CsrfOptions = {
  keys: SecretKeys
  publicUrl: string
  clock: Clock
}

export type Csrf = ReturnType<typeof createCsrf>

// In seconds. The cookie lasts longer than any form, so an expired form is told apart from a missing cookie.
const formLifetime = 4 * 3600
const cookieLifetime = 7 * 86_400

/** The binding of a token: the session of the signed-in user, or a cookie of the browser. */
type Binding = { kind: 's' | 'b'; value: string }

/** The reasons to reject a form, each with another remedy for the user. */
export const formErrors = {
  expired: 'The form has expired. Reload the page and send the form again.',
  noCookie: 'The browser sent no cookie. Allow cookies, reload the page and send the form again.',
} as const

/**
 * Protects the forms against requests of other sites (CSRF). The token of a form has its time, the kind of its binding, a
 * random part, and an HMAC over these and the binding. A signed-in user's token is bound to the session, any other token to
 * a random cookie. The browser must also send the origin of the pages.
 */
export function createCsrf({ keys, publicUrl, clock }: CsrfOptions) {
  const cookie = createCookie('claimgate-form', { publicUrl, sameSite: 'lax' })
  const { origin } = new URL(publicUrl)
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

  /** Rejects a request of another origin with `origin_not_allowed`, before its body is read. */
  const requireOwnOrigin: Middleware = async function requireOwnOrigin(ctx, next) {
    const site = ctx.get('sec-fetch-site')
    const isOurs = ctx.get('origin') === origin && (site === '' || site === 'same-origin')
    if (!isOurs) throw new GatewayError('origin_not_allowed')
    await next()
  }

  /** Rejects a form whose token is for another browser or expired, with `invalid_state`. */
  const requireToken: Middleware = async function requireToken(ctx, next) {
    const [, content = '', time = '', kind, mac = ''] =
      /^((\d{1,12})\.([sb])[\w-]{22})\.([\w-]{43})$/.exec(ctx.state.form?.csrf ?? '') ?? []
    const age = seconds() - Number(time)
    const isExpired = content === '' || age < -60 || age > formLifetime
    const binding = bindingOf(ctx)
    if (binding === null && kind === 'b' && !isExpired) throw refuseForm(formErrors.noCookie)
    const given = Buffer.from(mac, 'base64url')
    const isGood =
      !isExpired &&
      binding !== null &&
      keys.some((key) => timingSafeEqual(given, sign(content, binding, key)))
    if (!isGood) throw refuseForm(formErrors.expired)
    await next()
  }

  return {
    /** Creates the token of a form in the answer. Without a session, sets the cookie or extends its lifetime. */
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

function refuseForm(detail: string): GatewayError {
  return new GatewayError('invalid_state', { detail, event: 'form.refused' })
}
