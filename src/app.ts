import Router from '@koa/router'
import Koa from 'koa'
import { createChangePasswordSchema } from './authentication/change-password.ts'
import { linkBody } from './authentication/redirect-to.ts'
import { createSignupSchema } from './authentication/signup.ts'
import type { State } from './context.ts'
import type { Deps } from './deps.ts'
import { exchangeBody, loginBody, logoutBody, tokenBody } from './endpoints/bodies.ts'
import { webhookBody } from './endpoints/webhook.ts'
import { createBody } from './http/body.ts'
import { createCors } from './http/cors.ts'
import { createErrorHandler } from './http/error-handler.ts'
import { createHeaders, securityHeaders } from './http/headers.ts'
import { createQueryLimit } from './http/query.ts'
import { createRequest } from './http/request.ts'
import { createTargetCheck } from './http/target.ts'
import { createLimitSteps } from './limits/steps.ts'
import { createAnnounce } from './observability/events.ts'
import { createSteps } from './steps.ts'

const webhookLimit = 1_048_576

/** The gateway as a Koa application: what every request passes, and one line for each route. */
export function createApp(deps: Deps): Koa<State> {
  const { config } = deps
  const step = createSteps(deps)
  const limit = createLimitSteps(deps.limits)
  const signupBody = createSignupSchema(config)
  const passwordBody = createChangePasswordSchema(config)

  const router = new Router<State>({ sensitive: true, strict: true })
  router.post(
    '/signup',
    step.signupGate,
    createBody(signupBody),
    ...limit.signup,
    ...step.signup,
    ...step.signIn,
  )
  router.post('/login', createBody(loginBody), ...limit.login, ...step.verifyPassword, ...step.signIn)
  router.post('/token', createBody(tokenBody), ...limit.refresh, ...step.refresh)
  router.post('/token/exchange', createBody(exchangeBody), ...limit.refresh, ...step.exchange)
  router.post('/logout', createBody(logoutBody), ...step.logout)
  for (const name of step.providerNames) {
    router.get(`/auth/${name}`, ...step.start(name))
    router.get(`/auth/${name}/callback`, ...limit.callback, ...step.callback(name))
    router.post(`/user/identities/${name}`, ...step.signedIn, createBody(linkBody), ...step.startLink(name))
  }
  router.get('/providers', step.providers)
  router.get('/user', ...step.signedIn, step.user)
  router.post(
    '/user/password',
    ...step.signedIn,
    createBody(passwordBody),
    ...limit.password,
    step.changePassword,
  )
  router.get('/user/sessions', ...step.signedIn, step.listSessions)
  router.delete('/user/sessions/:id', ...step.signedIn, step.endSession)
  router.delete('/user/identities/:provider', ...step.signedIn, step.unlinkIdentity)
  router.get('/webhook', ...step.webhook)
  router.post('/webhook', createBody(webhookBody, webhookLimit), ...step.webhook)
  router.get('/jwks', step.jwks)
  router.get('/.well-known/jwks.json', step.jwks)
  router.get('/healthz', step.healthz)
  router.get('/readyz', step.readyz)
  if (step.metrics) router.get('/metrics', step.metrics)

  const app = new Koa<State>()
  app.silent = true
  app.use(createRequest(deps.log, config.trustedProxies))
  app.use(createAnnounce(deps.announce))
  if (deps.metrics) app.use(deps.metrics.measure)
  if (deps.tracing) app.use(deps.tracing.traceRequest)
  app.use(createHeaders(securityHeaders(config.publicUrl.startsWith('https:'))))
  app.use(createErrorHandler())
  app.use(createCors(config.corsOrigins))
  app.use(createTargetCheck())
  app.use(createQueryLimit())
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app
}
