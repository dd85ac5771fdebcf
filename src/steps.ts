import { createAuthenticate } from './authentication/authenticate.ts'
import { createBearer } from './authentication/bearer.ts'
import { createReadCallback, createRefusal, createReturnErrors } from './authentication/callback.ts'
import { createLinkIdentity, createResolveIdentity } from './authentication/identity.ts'
import { createStart, createStartLink } from './authentication/start-sign-in.ts'
import { createFlows } from './authentication/state-cookie.ts'
import {
  callbackUrl,
  configuredProviders,
  createStrategies,
  issuerOf,
  nest,
  passwordProvider,
} from './authentication/strategies.ts'
import { createVerifyPassword } from './authentication/verify-password.ts'
import { createVerifyProfile } from './authentication/verify-profile.ts'
import { createClaimsProxy } from './claims/claims-proxy.ts'
import { type Access, type Context, type Contract, type Middleware, withContract } from './context.ts'
import type { Deps } from './dependencies.ts'
import { createChangePassword } from './endpoints/change-password.ts'
import { createUnlinkIdentity } from './endpoints/identities.ts'
import { createJwks } from './endpoints/jwks.ts'
import { createLogout } from './endpoints/logout.ts'
import { createHealthz, createReadMetrics, createReadyz } from './endpoints/monitoring.ts'
import { createProviders } from './endpoints/providers.ts'
import { createHandOff } from './endpoints/redirect-with-code.ts'
import { createSession } from './endpoints/session.ts'
import { createSignup, createSignupGate } from './endpoints/signup.ts'
import { createUser } from './endpoints/user.ts'
import { createEndSession, createListSessions } from './endpoints/user-sessions.ts'
import { createAnonymous, createWebhook, forwardedHeader, webhookHeaders } from './endpoints/webhook.ts'
import type { ErrorCode } from './errors.ts'
import { createAttempt } from './observability/announce.ts'
import { createPageSteps } from './page-steps.ts'
import type { PageFiles } from './pages/assets.ts'
import { createReadAccess, createReadCurrent } from './sessions/open-session.ts'
import { createRefreshTransport, type RefreshTransport } from './sessions/refresh-transport.ts'
import { createAccessTokens } from './tokens/access-token.ts'
import { createRefreshTokens } from './tokens/refresh-token.ts'

/** The steps that routes are made of, each with all that it needs. Here the pieces are handed across; nothing else. */
export function createSteps(deps: Deps, files: PageFiles | null) {
  const { config, users, identities, sessions, pageSessions, oneTime, hashes, clock } = deps
  const secure = config.publicUrl.startsWith('https:')
  const redirectProviders = configuredProviders(deps.providers, config.providers)
  const issuers = new Map(redirectProviders.map((each) => [each.name, issuerOf(each, config.providers)]))
  const password = passwordProvider(deps.providers)

  const accessTokens = createAccessTokens(deps.keys, config)
  const refreshTokens = createRefreshTokens(deps.secrets.refreshToken)
  const origins = [new URL(config.publicUrl).origin, ...config.corsOrigins]
  const access = createReadAccess(sessions, pageSessions, refreshTokens, config.refreshGrace, clock)
  const claims = (read: (ctx: Context) => Promise<Access>, refused: ErrorCode) =>
    createClaimsProxy(config.roles, read, refused)
  /** What begins, continues and ends a session, by how its refresh token travels. */
  const tokensBy = (transport: RefreshTransport) => {
    const session = createSession({ accessTokens, refreshTokens, transport, clock, createId: deps.createId })
    return {
      session,
      cookie: transport.cookie,
      /** Whoever has authenticated gets a session: no token without the claims proxy. */
      signIn: [claims(access.begin, 'invalid_credentials'), session],
      refresh: [
        createAttempt({ ok: 'refresh.ok', failed: 'refresh.failed' }),
        transport.read,
        claims(access.refresh, 'invalid_token'),
        session,
      ],
      exchange: [
        createAttempt({ failed: 'exchange.failed' }),
        claims(access.redeem, 'invalid_code'),
        session,
      ],
      logout: [transport.read, createLogout(sessions, refreshTokens, transport, clock)],
    }
  }
  const transport = createRefreshTransport({ cookieMode: config.cookieMode, origins, secure })
  const tokens = tokensBy(transport)

  const flows = createFlows(
    { keys: deps.secrets.cookie, lifetime: config.stateLifetime, secure },
    oneTime,
    clock,
  )
  const authenticate = createAuthenticate(
    createStrategies(deps.providers, {
      publicUrl: config.publicUrl,
      settings: config.providers,
      transport: { timeout: config.providerTimeout, fetch: deps.fetch },
      around: nest(deps.metrics?.aroundProvider, deps.tracing?.aroundProvider),
      verifyPassword: createVerifyPassword(users, hashes),
      verifyProfile: createVerifyProfile,
      store: flows.store,
    }),
  )
  const isAlive = async (sessionId: string, userId: string) =>
    (await sessions.read(sessionId, userId, clock())) !== null

  const { anonymousRole } = config.roles
  const isOptional = anonymousRole !== null
  const webhookBy = (contract: Contract) => [
    createAnonymous(anonymousRole),
    createBearer(accessTokens, clock, (ctx) => forwardedHeader(ctx, 'authorization') ?? '', contract),
    claims(createReadCurrent(deps.accessCache ?? sessions, clock), 'invalid_token'),
    createWebhook(clock),
  ]
  const handOff = createHandOff(oneTime, clock)
  const lent = {
    redirectProviders,
    authenticate,
    claims,
    begin: access.begin,
    beside: access.beside,
    handOff,
  }
  const page = files && createPageSteps(deps, files, lent)

  return {
    page,
    redirectProviders,
    signupGate: createSignupGate(config.signup),
    signup: [
      createAttempt({ provider: password.name, ok: 'login.ok', failed: 'signup.failed' }),
      createSignup(users, hashes, deps.requirePassword),
    ],
    verifyPassword: [
      createAttempt({ provider: password.name, ok: 'login.ok', failed: 'login.failed' }),
      withContract(
        { errors: ['invalid_credentials', 'overloaded', 'database_unavailable'] },
        authenticate(password.name, 'user', 'invalid_credentials'),
      ),
    ],
    tokens,
    /** The same for those who are never given a cookie. */
    tokensInBody: tokensBy(createRefreshTransport({ cookieMode: false, origins, secure })),
    /** Who the access token speaks for, as the database says now. */
    signedIn: [createBearer(accessTokens, clock), claims(access.current, 'invalid_token')],
    start: (name: string): Middleware[] => [
      createStart(config.redirectOrigins),
      authenticate(name, 'identity', 'provider_denied'),
    ],
    startLink: (name: string): Middleware[] => [
      createStartLink(config.redirectOrigins),
      authenticate(name, 'identity', 'provider_denied'),
    ],
    returnErrors: createReturnErrors(page?.pageFor),
    callback: (name: string): Middleware[] => [
      createAttempt({ provider: name, ok: 'login.ok', failed: 'login.failed' }),
      createReadCallback(issuers.get(name)),
      flows.open(name, callbackUrl(config.publicUrl, name)),
      createRefusal(),
      withContract(
        { errors: ['provider_denied', 'provider_error', 'provider_timeout'] },
        authenticate(name, 'identity', 'provider_denied'),
      ),
      createLinkIdentity(identities, isAlive, clock),
      createResolveIdentity(identities, config.signup, clock),
      ...(page ? [page.finish] : []),
      claims(access.begin, 'invalid_credentials'),
      handOff,
      tokens.session,
    ],
    user: createUser(users),
    changePassword: createChangePassword(users, hashes, deps.requirePassword),
    listSessions: createListSessions(sessions, clock),
    endSession: createEndSession(sessions, clock),
    unlinkIdentity: createUnlinkIdentity(identities),
    providers: createProviders([password, ...redirectProviders], config.publicUrl),
    webhook: webhookBy({ credential: { kind: 'accessToken', isOptional }, header: webhookHeaders }),
    postedWebhook: webhookBy({}),
    jwks: createJwks(deps.keys, config.jwksMaxAge),
    healthz: createHealthz(),
    readyz: createReadyz(deps.isReady),
    metrics: deps.metrics && createReadMetrics(deps.metrics),
  }
}
