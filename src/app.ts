import Router from '@koa/router'
import Koa from 'koa'
import { linkBody } from './authentication/start-sign-in.ts'
import type { Context, Middleware, State } from './context.ts'
import type { Deps } from './dependencies.ts'
import { noProvider } from './endpoints/identities.ts'
import { webhookBody } from './endpoints/webhook.ts'
import { createRequireSecret } from './hasura/action-secret.ts'
import { actionBody, createActions } from './hasura/actions.ts'
import { actionFailures, createFailures, graphqlFailures } from './hasura/failure.ts'
import { createGraphql, graphqlBody } from './hasura/graphql.ts'
import { createRunOperation, type Operation } from './hasura/run-operation.ts'
import { createSameUser } from './hasura/session-variables.ts'
import { createBody } from './http/body.ts'
import { connectionErrors } from './http/client-error.ts'
import { createCors } from './http/cors.ts'
import { createErrorHandler } from './http/error-handler.ts'
import { createHeaders, securityHeaders } from './http/headers.ts'
import { createQueryLimit } from './http/query.ts'
import { createRequest } from './http/request.ts'
import { createTargetCheck } from './http/target.ts'
import { createLimitSteps } from './limits/middleware.ts'
import { createAnnounce } from './observability/announce.ts'
import { createOperations } from './operation-steps.ts'
import { addPageRoutes } from './page-routes.ts'
import type { PageFiles } from './pages/assets.ts'
import { createDocument } from './reference/document.ts'
import { createApiIndex, createReference, createReferencePage } from './reference/endpoints.ts'
import type { Document } from './reference/openapi.ts'
import { createSteps } from './steps.ts'

const hasuraLimit = 1_048_576
const graphqlLimit = 65_536

/**
 * The gateway as a Koa application: what every request passes, and one line for each route. `files` are what the pages
 * are made of; null when there are none.
 */
export function createApp(deps: Deps, files: PageFiles | null): Koa<State> {
  const { config } = deps
  const step = createSteps(deps, files)
  const limit = createLimitSteps(deps.limits)
  const announce = createAnnounce(deps.announce)
  const operation = createOperations(step, limit, config, step)

  const everywhere: Middleware[] = [
    createRequest(deps.log, config.trustedProxies),
    announce,
    ...(deps.metrics ? [deps.metrics.measure] : []),
    ...(deps.tracing ? [deps.tracing.traceRequest] : []),
    createHeaders(securityHeaders(config.publicUrl)),
    createErrorHandler(),
    createCors(config.corsOrigins),
    createTargetCheck(),
    ...(step.page ? [step.page.forPeople(isPage)] : []),
    createQueryLimit(),
  ]

  const router = new Router<State>({ sensitive: true, strict: true })
  router.get('/', ...(step.page ? [step.page.front] : []), createApiIndex(config.publicUrl, readDocument))
  router.post('/signup', ...routeOf(operation.signup))
  router.post('/login', ...routeOf(operation.login))
  router.post('/token', ...routeOf(operation.refreshToken))
  router.post('/token/exchange', ...routeOf(operation.exchangeCode))
  router.post('/logout', ...routeOf(operation.logout))
  for (const { name } of step.redirectProviders) {
    router.get(`/auth/${name}`, ...step.start(name))
    router.get(`/auth/${name}/callback`, step.returnErrors, ...limit.callback, ...step.callback(name))
    router.post(`/user/identities/${name}`, ...step.signedIn, createBody(linkBody), ...step.startLink(name))
  }
  router.get('/providers', ...routeOf(operation.providers))
  router.get('/user', ...routeOf(operation.me))
  router.post('/user/password', ...routeOf(operation.changePassword))
  router.get('/user/sessions', ...step.signedIn, step.listSessions)
  router.delete('/user/sessions/:id', ...step.signedIn, step.endSession)
  router.delete('/user/identities/:provider', ...step.signedIn, step.unlinkIdentity)
  router.get('/webhook', ...step.webhook)
  router.post('/webhook', createBody(webhookBody, hasuraLimit), ...step.postedWebhook)
  router.get('/jwks', step.jwks)
  router.get('/.well-known/jwks.json', step.jwks)
  router.get('/healthz', step.healthz)
  router.get('/readyz', step.readyz)
  if (step.metrics) router.get('/metrics', step.metrics)
  router.get('/openapi.json', createReference(readDocument))
  if (config.actionSecret !== undefined) {
    const signedIn = [...step.signedIn, createSameUser(config.roles.anonymousRole)]
    const door = { tokens: step.tokensInBody, signedIn }
    const run = createRunOperation(createOperations(step, limit, config, door), announce)
    const secret = createRequireSecret(config.actionSecret)
    router.post(
      '/hasura/actions',
      secret,
      createFailures(actionFailures),
      createBody(actionBody, hasuraLimit),
      createActions(run),
    )
    router.post(
      '/graphql',
      secret,
      createFailures(graphqlFailures),
      createBody(graphqlBody, graphqlLimit),
      createGraphql(run),
    )
  }

  let document: Document | undefined
  function readDocument(): Document {
    document ??= createDocument({
      everywhere,
      connectionErrors,
      routes: router.stack,
      providers: step.redirectProviders,
      publicUrl: config.publicUrl,
      cookie: step.tokens.cookie,
    })
    return document
  }

  // For people, and so no part of the API reference.
  const pages = new Router<State>({ sensitive: true, strict: true })
  const docs = createReferencePage(readDocument, new URL(config.publicUrl).pathname.replace(/\/$/, ''))
  pages.get('/docs', docs.page)
  pages.get('/docs.css', docs.style)
  if (step.page) addPageRoutes(pages, { ...step, page: step.page }, limit, config)

  function isPage({ path, method }: Context): boolean {
    return pages.match(path, method).path.length > 0 && !router.match(path, method).route
  }

  // For nobody, and so no part of it either: without this, the route to unlink would make 405 of it.
  const others = new Router<State>({ sensitive: true, strict: true })
  others.post('/user/identities/:provider', noProvider)

  const app = new Koa<State>()
  app.silent = true
  for (const passed of everywhere) app.use(passed)
  app.use(router.routes())
  app.use(pages.routes())
  app.use(others.routes())
  app.use(router.allowedMethods())
  if (step.page) app.use(step.page.notFound)
  return app
}

/** An operation as the steps of a route: its input is the body. */
function routeOf({ guards, input, steps }: Operation): Middleware[] {
  return [...guards, ...(input ? [createBody(input)] : []), ...steps]
}
