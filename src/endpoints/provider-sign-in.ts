import { passOnForm, readCallback, requireApproval, returnErrors } from '../authentication/callback.ts'
import { linkIdentity, resolveIdentity } from '../authentication/identity.ts'
import { isOpenId, type RedirectProvider } from '../authentication/provider.ts'
import { linkBody, startLink, startSignIn } from '../authentication/start-sign-in.ts'
import { callbackUrl, issuerOf } from '../authentication/strategies.ts'
import { claimsProxy } from '../claims/claims-proxy.ts'
import { type Context, type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { jsonBody } from '../http/body.ts'
import { rememberDevice } from '../limits/device-cookie.ts'
import { addressLimit } from '../limits/middleware.ts'
import { attempt } from '../observability/announce.ts'
import { freshAuthentication } from '../sessions/fresh-authentication.ts'
import { redirectWithCode } from './redirect-with-code.ts'
import type { Transport } from './transport.ts'

type StartOptions = {
  /** Returns the steps that ask for a click; null without pages. */
  pages: { confirmSignIn: (provider: RedirectProvider) => Middleware[] } | null
}

/** GET /auth/:provider: redirects the browser to the provider. */
export function startProvider(
  deps: Dependencies,
  provider: RedirectProvider,
  { pages }: StartOptions,
): Middleware[] {
  const confirm = pages?.confirmSignIn(provider) ?? []
  return [
    returnErrors({ pageFor: undefined }),
    startSignIn(deps),
    ...confirm,
    startAtProvider(deps, provider),
  ]
}

/** POST /user/identities/:provider: answers with the URL at which the signed-in user links a provider. */
export function linkProvider(
  deps: Dependencies,
  provider: RedirectProvider,
  { signedIn }: Transport,
): Middleware[] {
  return [
    ...signedIn,
    freshAuthentication(deps),
    jsonBody(linkBody),
    startLink(deps),
    startAtProvider(deps, provider),
  ]
}

/** Redirects to the provider. The metadata of an OpenID provider is requested for it. */
function startAtProvider(deps: Dependencies, provider: RedirectProvider): Middleware {
  const ask = askProvider(deps, provider.name)
  return isOpenId(provider) ? withContract({ errors: providerErrors }, ask) : ask
}

const providerErrors = ['provider_error', 'provider_timeout', 'provider_unavailable'] as const

/** Runs the strategy of a redirect provider: redirects to the provider, or on the callback reads the identity. */
export function askProvider({ authenticate }: Dependencies, provider: string): Middleware {
  return authenticate({ provider, property: 'identity', refused: 'provider_denied' })
}

type CallbackOptions = {
  transport: Transport
  /** Null without pages. */
  pages: {
    /** Ends a sign-in that was started on a page. */
    finishOnPage: Middleware
    /** Ends a sign-in of a signed-in user who authenticates again on a page. */
    finishConfirmation: Middleware
    /** Returns the page that shows the error of a sign-in; null when the app gets the error. */
    pageFor: (ctx: Context) => URL | null
  } | null
}

/** GET /auth/:provider/callback: signs in the user who comes back from the provider, or links the provider. */
export function providerCallback(
  deps: Dependencies,
  provider: RedirectProvider,
  { transport, pages }: CallbackOptions,
): Middleware[] {
  const { config, limits, stateCookie, openSession } = deps
  const { name } = provider
  return [
    returnErrors({ pageFor: pages?.pageFor }),
    attempt({ provider: name, ok: 'login.ok', failed: 'login.failed' }),
    stateCookie.find({ provider: name, callbackUrl: callbackUrl(config.publicUrl, name) }),
    addressLimit({ limits, name: 'callback' }),
    readCallback({ issuer: issuerOf(provider, config.providers) }),
    stateCookie.open(),
    requireApproval(),
    withContract({ errors: ['provider_denied', ...providerErrors] }, askProvider(deps, name)),
    linkIdentity(deps),
    ...(pages ? [pages.finishConfirmation] : []),
    resolveIdentity(deps),
    ...(pages ? [pages.finishOnPage] : []),
    claimsProxy({ roles: config.roles, read: openSession.start, refused: 'invalid_credentials' }),
    rememberDevice(deps),
    redirectWithCode(deps),
    transport.session,
  ]
}

/** POST /auth/:provider/callback: passes the answer that the page of the provider posts on to the same URL with GET. */
export function postedCallback(
  { config, limits }: Dependencies,
  { name }: RedirectProvider,
  { pages }: Pick<CallbackOptions, 'pages'>,
): Middleware[] {
  return [
    returnErrors({ pageFor: pages?.pageFor }),
    addressLimit({ limits, name: 'callback' }),
    passOnForm({ callbackUrl: callbackUrl(config.publicUrl, name) }),
  ]
}
