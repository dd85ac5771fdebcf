import Router from '@koa/router'
import Koa from 'koa'
import { answersByPost } from './authentication/provider.ts'
import type { Context, Middleware, State } from './context.ts'
import type { Dependencies } from './dependencies.ts'
import { backchannelLogout } from './endpoints/backchannel-logout.ts'
import { changePassword } from './endpoints/change-password.ts'
import { discovery, hasDiscovery } from './endpoints/discovery.ts'
import { signInWithIdToken } from './endpoints/id-token.ts'
import { noProvider, unlinkIdentity } from './endpoints/identities.ts'
import { jwks } from './endpoints/jwks.ts'
import { login } from './endpoints/login.ts'
import { logoutAtProvider } from './endpoints/logout.ts'
import { healthz, type Metrics, readMetrics, readyz } from './endpoints/monitoring.ts'
import { createOperations } from './endpoints/operations.ts'
import {
  linkProvider,
  postedCallback,
  providerCallback,
  startProvider,
} from './endpoints/provider-sign-in.ts'
import { providers } from './endpoints/providers.ts'
import { signup } from './endpoints/signup.ts'
import { stepUp } from './endpoints/step-up.ts'
import { exchangeCode, refreshToken } from './endpoints/token.ts'
import { type Endpoint, jsonTransport } from './endpoints/transport.ts'
import { me } from './endpoints/user.ts'
import { endSession, listSessions } from './endpoints/user-sessions.ts'
import { postedWebhook, webhook } from './endpoints/webhook.ts'
import { actions } from './hasura/actions.ts'
import { graphql } from './hasura/graphql.ts'
import { createRunOperation } from './hasura/run-operation.ts'
import { sameUser } from './hasura/session-variables.ts'
import { requireSecret } from './hasura/shared-secrets.ts'
import { jsonBody } from './http/body.ts'
import { connectionErrors } from './http/client-error.ts'
import { cors } from './http/cors.ts'
import { errorHandler } from './http/error-handler.ts'
import { securityHeaders, setHeaders } from './http/headers.ts'
import { lengthLimit } from './http/query.ts'
import { logRequest } from './http/request.ts'
import { targetCheck } from './http/target.ts'
import { announceEvents } from './observability/announce.ts'
import type { PageFiles } from './pages/assets.ts'
import { createPages } from './pages/routes.ts'
import { createDocument } from './reference/document.ts'
import { apiIndex, reference, referencePage, referenceScript, referenceStyle } from './reference/endpoints.ts'
import type { Document } from './reference/openapi.ts'

/**
 * Creates the Koa application: the steps of every request, and a line for each route. `files` is null without pages.
 */
export function createApp(deps: Dependencies, files: PageFiles | null): Koa<State> {
  const { config, redirectProviders } = deps
  const { publicUrl } = config
  const transport = jsonTransport(deps, config)
  const pages = files && createPages(deps, { files, transport })

  const everywhere: Middleware[] = [
    logRequest({ log: deps.log, trustedProxies: config.trustedProxies }),
    announceEvents(deps),
    ...(deps.metrics ? [deps.metrics.measure] : []),
    ...(deps.tracing ? [deps.tracing.traceRequest] : []),
    setHeaders({ headers: securityHeaders(publicUrl) }),
    errorHandler(),
    cors({ origins: config.corsOrigins }),
    targetCheck(),
    ...(pages ? [pages.renderErrorsAsHtml(isPage)] : []),
    lengthLimit({ except: new Set(redirectProviders.map(({ name }) => `/auth/${name}/callback`)) }),
  ]

  const router = new Router<State>({ sensitive: true, strict: true })
  router.get('/', ...(pages ? [pages.redirectToPages] : []), apiIndex({ ...config, readDocument }))
  router.post('/signup', ...stepsOf(signup))
  router.post('/login', ...stepsOf(login))
  router.post('/token', ...stepsOf(refreshToken))
  router.post('/token/exchange', ...stepsOf(exchangeCode))
  router.post('/token/id-token', ...stepsOf(signInWithIdToken))
  router.post('/logout', ...stepsOf(logoutAtProvider))
  for (const provider of redirectProviders) {
    const { name } = provider
    router.get(`/auth/${name}`, ...startProvider(deps, provider, { pages }))
    router.get(`/auth/${name}/callback`, ...providerCallback(deps, provider, { transport, pages }))
    if (answersByPost(provider))
      router.post(`/auth/${name}/callback`, ...postedCallback(deps, provider, { pages }))
    router.post(`/user/identities/${name}`, ...linkProvider(deps, provider, transport))
    const party = deps.relyingParties.get(name)
    if (party) router.post(`/auth/${name}/backchannel-logout`, ...backchannelLogout(deps, party))
  }
  router.get('/providers', ...stepsOf(providers))
  router.get('/user', ...stepsOf(me))
  router.post('/user/password', ...stepsOf(changePassword))
  router.post('/user/step-up', ...stepsOf(stepUp))
  router.get('/user/sessions', ...stepsOf(listSessions))
  router.delete('/user/sessions/:id', ...stepsOf(endSession))
  router.delete('/user/identities/:provider', ...stepsOf(unlinkIdentity))
  router.get('/webhook', ...webhook(deps))
  router.post('/webhook', ...postedWebhook(deps))
  router.get('/jwks', jwks(deps))
  router.get('/.well-known/jwks.json', jwks(deps))
  if (hasDiscovery(config)) router.get('/.well-known/openid-configuration', discovery(deps))
  router.get('/healthz', healthz())
  router.get('/readyz', readyz(deps))
  if (deps.metrics && config.metricsPort === undefined) router.get('/metrics', readMetrics(deps.metrics))
  if (config.docs) router.get('/openapi.json', reference({ readDocument }))
  if (config.actionSecret !== undefined) {
    const secret = requireSecret({ secret: config.actionSecret })
    const { signedIn, withProfile, ...inBody } = jsonTransport(deps, { cookieMode: false })
    const same = sameUser(config.roles)
    const hasura = { ...inBody, signedIn: [...signedIn, same], withProfile: [...withProfile, same] }
    const run = createRunOperation(createOperations(deps, hasura), announceEvents(deps))
    router.post('/hasura/actions', secret, ...actions({ run }))
    router.post('/graphql', secret, ...graphql({ run }))
  }

  // The pages are not part of the API reference.
  const others = new Router<State>({ sensitive: true, strict: true })
  if (config.docs) {
    others.get('/docs', referencePage({ publicUrl, readDocument }))
    others.get('/docs.css', referenceStyle())
    others.get('/docs.js', referenceScript())
  }
  pages?.addRoutes(others)

  // Without this route, the DELETE route would make the router answer 405.
  const last = new Router<State>({ sensitive: true, strict: true })
  last.post('/user/identities/:provider', noProvider)

  /** Returns the steps of an endpoint as a JSON route, whose input is the body. */
  function stepsOf(endpoint: Endpoint): Middleware[] {
    const { guards, input, steps } = endpoint(deps, transport)
    return [...guards, ...(input ? [jsonBody(input)] : []), ...steps]
  }

  function isPage({ path, method }: Context): boolean {
    return others.match(path, method).path.length > 0 && !router.match(path, method).route
  }

  let document: Document | undefined
  function readDocument(): Document {
    const cookie = transport.refresh.cookie
    const routes = router.stack
    document ??= createDocument({
      everywhere,
      connectionErrors,
      routes,
      providers: redirectProviders,
      publicUrl,
      cookie,
    })
    return document
  }

  const app = new Koa<State>()
  app.silent = true
  for (const step of everywhere) app.use(step)
  app.use(router.routes())
  app.use(others.routes())
  app.use(last.routes())
  app.use(router.allowedMethods())
  if (pages) app.use(pages.notFound)
  return app
}

/** Creates the application of AUTH_METRICS_PORT: the metrics, and nothing else. */
export function createMetricsApp({ log, config }: Dependencies, metrics: Metrics): Koa<State> {
  const metricsRouter = new Router<State>({ sensitive: true, strict: true })
  metricsRouter.get('/metrics', readMetrics(metrics))
  const app = new Koa<State>()
  app.silent = true
  app.use(logRequest({ log, trustedProxies: config.trustedProxies }))
  app.use(setHeaders({ headers: securityHeaders(config.publicUrl) }))
  app.use(errorHandler())
  app.use(metricsRouter.routes())
  app.use(metricsRouter.allowedMethods())
  return app
}
