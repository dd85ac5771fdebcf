import { findProviderSid, grantProviderRoles } from '../authentication/identity.ts'
import {
  type Context,
  type Middleware,
  type ProviderProfile,
  requireState,
  withContract,
} from '../context.ts'
import { askProvider } from '../endpoints/provider-sign-in.ts'
import { confirmPassword, stepUpBody } from '../endpoints/step-up.ts'
import { GatewayError } from '../errors.ts'
import { html } from '../http/html.ts'
import { withoutQuery } from '../http/query.ts'
import { clockTolerance } from '../tokens/id-token.ts'
import { requireBrowserSession } from './browser-session.ts'
import { field, form, notice, providerLinks } from './components.ts'
import { localizeErrors } from './error-messages.ts'
import { errorPage } from './errors.ts'
import { formBody } from './form.ts'
import { seeOther } from './redirects.ts'
import type { PageTemplate } from './render.ts'
import { requireSameSite, runSteps } from './sign-in.ts'
import type { Pages } from './steps.ts'

/** GET /account/confirm: asks the signed-in user to authenticate again. */
export function showConfirmation(pages: Pages): Middleware[] {
  return [
    errorPage(pages),
    pages.load,
    ...pages.signedIn,
    async function showConfirmation(ctx) {
      await renderConfirmation(ctx, 200, null, pages)
    },
  ]
}

/** Authenticates the user again when the form has their password. Other forms pass on. */
export function confirmByForm(pages: Pages): Middleware {
  const confirm = [formBody(stepUpBody), ...confirmPassword(pages)]
  return async function confirmByForm(ctx, next) {
    const { password, ...others } = ctx.state.form ?? {}
    if (password === undefined) return next()
    ctx.state.form = { method: 'password', password }
    await runSteps(ctx, confirm)
    ctx.state.form = others
    // The later steps are no part of the step-up.
    delete ctx.state.attempt
    await next()
  }
}

/** Returns true for an error of `confirmByForm`, and for the error of a form that requires a fresh authentication. */
export function isUnconfirmed({ state }: Context, { code }: GatewayError): boolean {
  return code === 'fresh_authentication_required' || state.form?.password !== undefined
}

/** GET /account/confirm/:provider: redirects the browser to a provider, to authenticate the signed-in user again. */
export function askProviderToConfirm(pages: Pages, provider: string): Middleware[] {
  return [
    errorPage(pages),
    pages.load,
    ...pages.signedIn,
    requireSameSite({ ...pages, path: '/account/confirm' }),
    async function startConfirmation(ctx, next) {
      const { userId, sessionId } = requireBrowserSession(ctx)
      const stepUp = { userId, sessionId, since: Math.floor(pages.clock().getTime() / 1000) }
      ctx.state.start = { redirectTo: null, codeChallenge: null, link: null, page: true, stepUp }
      await next()
    },
    // A strategy treats a request with a query as the callback of its provider.
    withoutQuery(askProvider(pages, provider)),
  ]
}

/**
 * Ends a provider sign-in that `askProviderToConfirm` started. The identity must be linked to the user of the session, which
 * must still be active. An `auth_time` of the provider must not be older than the start. Other sign-ins pass on.
 */
export function finishConfirmation(pages: Pages): Middleware {
  const { identities, sessions, clock, base } = pages
  return withContract(
    { errors: ['invalid_state', 'fresh_authentication_required', 'database_unavailable'] },
    async function finishConfirmation(ctx, next) {
      const stepUp = ctx.state.flow?.stepUp
      if (!stepUp) return next()
      const { userId, sessionId, since } = stepUp
      const identity = requireState(ctx, 'identity')
      const { provider } = identity
      if (!isSince(identity, since) || !(await identities.isLinked(identity, userId)))
        throw new GatewayError('fresh_authentication_required')
      await grantProviderRoles(ctx, userId, pages)
      const proven = { id: userId, provider, amr: ['fed'], providerSid: findProviderSid(identity) }
      const access = await sessions.stepUp(sessionId, proven, clock())
      if (access === null) throw new GatewayError('invalid_state')
      ctx.state.access = access
      seeOther(ctx, `${base}/account?done=confirmed`)
    },
  )
}

/**
 * Returns true unless the provider says that it authenticated the user earlier. A provider that ignores `max_age` may
 * leave out `auth_time`: it counts like one without OpenID Connect.
 */
function isSince({ claims }: ProviderProfile, since: number): boolean {
  const authTime = claims?.auth_time ?? since
  return typeof authTime === 'number' && authTime >= since - clockTolerance
}

/** Shows the page with the password field and the linked providers. Its form goes on to the address of the request. */
export async function renderConfirmation(
  ctx: Context,
  status: number,
  error: GatewayError | null,
  { users, render }: Pages,
): Promise<void> {
  const { userId } = requireBrowserSession(ctx)
  const [profile, hash] = await Promise.all([users.findProfile(userId), users.findHash(userId)])
  const linked = new Set(profile?.identities.map(({ provider }) => provider))
  // The page itself says that an authentication is required.
  const failure = error?.code === 'fresh_authentication_required' ? null : error
  render(ctx, status, confirmationPage(ctx, failure, { hasPassword: hash !== null, linked }))
}

type WaysIn = { hasPassword: boolean; linked: ReadonlySet<string> }

function confirmationPage(
  { path, state }: Context,
  error: GatewayError | null,
  { hasPassword, linked }: WaysIn,
): PageTemplate {
  return (page) => {
    const { texts, site } = page
    const errors = error && localizeErrors(error, page, state.form ? { secret: 'password' } : null)
    const username = state.access?.username ?? ''
    const content = html`<input type="text" value="${username}" autocomplete="username" hidden readonly>
${field(page, { name: 'password', autocomplete: 'current-password', isFirst: true }, errors)}
<button class="button main">${texts.confirm}</button>`
    const providers = site.providers.filter(({ name }) => linked.has(name))
    return {
      title: texts.confirmTitle,
      isError: errors !== null,
      body: html`${notice(errors)}<p>${texts.confirmHint}</p>
${hasPassword && form(page, path, content)}
${providerLinks(page, { path: '/account/confirm', providers, isAlone: !hasPassword })}
<p class="aside"><a href="${site.base}/account">${texts.account}</a></p>`,
    }
  }
}
