import Router from '@koa/router'
import Koa from 'koa'
import type { Logger } from 'pino'
import { z } from 'zod'
import { createAuthenticate } from './authentication/authenticate.ts'
import { createBearer } from './authentication/bearer.ts'
import { createReadCallback, createRefusal, createReturnErrors } from './authentication/callback.ts'
import { createFlows } from './authentication/flow.ts'
import type { PasswordHashes } from './authentication/password-hash.ts'
import type { Provider } from './authentication/provider.ts'
import { createStart } from './authentication/redirect-to.ts'
import { createSignup, createSignupGate, createSignupSchema } from './authentication/signup.ts'
import { callbackUrl, configuredProviders, createStrategies } from './authentication/strategies.ts'
import { createVerifyPassword } from './authentication/verify-password.ts'
import { createVerifyProfile } from './authentication/verify-profile.ts'
import { createClaimsProxy } from './claims/claims-proxy.ts'
import type { Config } from './config.ts'
import type { Clock, State } from './context.ts'
import type { Identities } from './database/identities.ts'
import type { OneTime } from './database/one-time.ts'
import type { Sessions } from './database/sessions.ts'
import type { Users } from './database/users.ts'
import { createHandOff } from './endpoints/hand-off.ts'
import { createHealthz, createReadyz } from './endpoints/health.ts'
import { createJwks } from './endpoints/jwks.ts'
import { createLogout, logoutBody } from './endpoints/logout.ts'
import { createProviders } from './endpoints/providers.ts'
import { createSession } from './endpoints/session.ts'
import { createUser } from './endpoints/user.ts'
import { createAnonymous, createWebhook, forwardedHeader, webhookBody } from './endpoints/webhook.ts'
import { createBody } from './http/body.ts'
import { createCors } from './http/cors.ts'
import { createErrorHandler } from './http/error-handler.ts'
import { createHeaders } from './http/headers.ts'
import { createQueryLimit } from './http/query.ts'
import { createRequest } from './http/request.ts'
import { text } from './http/text.ts'
import { createReadAccess } from './sessions/read-access.ts'
import { createRefreshTokens } from './sessions/refresh-token.ts'
import { createAccessTokens } from './tokens/access-token.ts'
import type { SigningKeys } from './tokens/signing-keys.ts'

/** Everything that the gateway is made of; whoever makes it decides about database, clock, network and randomness. */
export type Deps = {
  config: Config
  providers: readonly Provider[]
  keys: SigningKeys
  /** 32 bytes each, derived from AUTH_SECRET. */
  secrets: { cookie: Uint8Array; refreshToken: Uint8Array }
  users: Users
  identities: Identities
  sessions: Sessions
  oneTime: OneTime
  hashes: PasswordHashes
  isReady: () => Promise<boolean>
  log: Logger
  clock: Clock
  createId: () => string
  fetch: typeof globalThis.fetch
}

const loginBody = z.strictObject({
  username: text(1024).min(1, 'is required'),
  password: text(1024).min(1, 'is required'),
})
const tokenBody = z.strictObject({ refreshToken: text(200) })
const exchangeBody = z.strictObject({
  code: text(200),
  codeVerifier: z
    .string()
    .regex(/^[\w.~-]{43,128}$/, 'must have 43 to 128 of the characters of RFC 7636')
    .optional(),
})

/** The gateway as a Koa application: what every request passes, and one line for each route. */
export function createApp(deps: Deps): Koa<State> {
  const { config, users, identities, sessions, oneTime, hashes, clock, log } = deps
  const secure = config.publicUrl.startsWith('https:')

  const accessTokens = createAccessTokens(deps.keys, config)
  const refreshTokens = createRefreshTokens(deps.secrets.refreshToken)
  const flows = createFlows(
    { key: deps.secrets.cookie, lifetime: config.stateLifetime, secure },
    oneTime,
    clock,
  )
  const redirectProviders = configuredProviders(deps.providers, config.providers)
  const authenticate = createAuthenticate(
    createStrategies(deps.providers, {
      publicUrl: config.publicUrl,
      settings: config.providers,
      transport: { timeout: config.providerTimeout, fetch: deps.fetch },
      verifyPassword: createVerifyPassword(users, hashes),
      verifyProfile: (provider) => createVerifyProfile(provider, identities, config.signup, clock),
      store: flows.store,
    }),
  )

  const access = createReadAccess(sessions, refreshTokens, clock)
  const claims = (read: Parameters<typeof createClaimsProxy>[1]) => createClaimsProxy(config.roles, read)
  const session = createSession({ accessTokens, refreshTokens, clock, createId: deps.createId })
  const signIn = [claims(access.begin), session]
  const bearer = createBearer(accessTokens, clock)
  const signupGate = createSignupGate(config.signup)
  const signup = createSignup(users, hashes)
  const logout = createLogout(sessions, refreshTokens, clock)
  const webhook = [
    createAnonymous(config.roles.anonymousRole),
    createBearer(accessTokens, clock, (ctx) => forwardedHeader(ctx, 'authorization') ?? ''),
    claims(access.current),
    createWebhook(clock),
  ]
  const jwks = createJwks(deps.keys, config.jwksMaxAge)
  const passwordProviders = deps.providers.filter(({ flow }) => flow === 'password')

  const router = new Router<State>()
  router.post('/signup', signupGate, createBody(createSignupSchema(config)), signup, ...signIn)
  router.post('/login', createBody(loginBody), authenticate('local', 'invalid_credentials'), ...signIn)
  router.post('/token', createBody(tokenBody), claims(access.refresh), session)
  router.post('/token/exchange', createBody(exchangeBody), claims(access.redeem), session)
  router.post('/logout', createBody(logoutBody), logout)
  for (const { name } of redirectProviders) {
    const step = authenticate(name, 'provider_denied')
    const open = flows.open(name, callbackUrl(config.publicUrl, name))
    const back = [createReadCallback(), createReturnErrors(), open, createRefusal()]
    router.get(`/auth/${name}`, createStart(config.redirectOrigins), step)
    router.get(
      `/auth/${name}/callback`,
      ...back,
      step,
      claims(access.begin),
      createHandOff(oneTime, clock),
      session,
    )
  }
  router.get('/providers', createProviders([...passwordProviders, ...redirectProviders], config.publicUrl))
  router.get('/user', bearer, claims(access.current), createUser(users))
  router.get('/webhook', ...webhook)
  router.post('/webhook', createBody(webhookBody, 1_048_576), ...webhook)
  router.get('/jwks', jwks)
  router.get('/.well-known/jwks.json', jwks)
  router.get('/healthz', createHealthz())
  router.get('/readyz', createReadyz(deps.isReady))

  const app = new Koa<State>()
  app.silent = true
  app.use(createRequest(log, config.trustedProxies))
  app.use(createHeaders(secure))
  app.use(createErrorHandler())
  app.use(createCors(config.corsOrigins))
  app.use(createQueryLimit())
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app
}
