import type Router from '@koa/router'
import type { Config } from './config/config.ts'
import type { State } from './context.ts'
import type { createLimitSteps } from './limits/middleware.ts'
import { createOperations } from './operation-steps.ts'
import type { createSteps } from './steps.ts'

type Steps = ReturnType<typeof createSteps>

/** The pages, one line for each route. What they do is done by the steps of the operations, behind a door of their own. */
export function addPageRoutes(
  router: Router<State>,
  step: Steps & { page: NonNullable<Steps['page']> },
  limit: ReturnType<typeof createLimitSteps>,
  config: Config,
): void {
  const { page } = step
  const { entry, account, look, start, form, input, failure } = page
  const { done } = account
  const { signIn, signedIn } = page.door
  const operation = createOperations(step, limit, config, { tokens: { ...step.tokens, signIn }, signedIn })
  const { login, signup, changePassword } = operation
  const inAccount = [failure(account.showAccountAgain), look, ...signedIn, ...form]

  router.get('/pages/:file', page.assets)
  router.get('/signin', failure(), look, start, entry.signin)
  router.post(
    '/signin',
    failure(entry.showSigninAgain),
    look,
    start,
    entry.goOn,
    ...form,
    input(login.input),
    ...login.steps,
  )
  router.post(
    '/signin/continue',
    failure(entry.showContinueAgain),
    look,
    start,
    entry.goOn,
    ...form,
    ...page.signedInToApp,
  )
  router.get('/signup', failure(), look, start, entry.signup)
  router.post(
    '/signup/form',
    failure(entry.showSignupAgain),
    ...signup.guards,
    look,
    start,
    entry.goOn,
    ...form,
    input(signup.input),
    ...signup.steps,
  )
  for (const { name } of step.redirectProviders) {
    router.get(`/signin/${name}`, failure(), start, entry.fromPage, page.startAt(name))
    router.post(
      `/account/identities/${name}/link`,
      ...inAccount,
      entry.goOn,
      account.startLink,
      page.startAt(name),
    )
  }
  router.post('/account/identities/:provider/unlink', ...inAccount, done('unlinked'), step.unlinkIdentity)
  router.get('/account', failure(), look, ...signedIn, account.account)
  router.post(
    '/account/password',
    ...inAccount,
    input(changePassword.input),
    done('password'),
    ...changePassword.steps,
  )
  router.post('/account/sessions/end-others', ...inAccount, done('endedOthers'), account.endOthers)
  router.post('/account/sessions/:id/end', ...inAccount, done('ended'), step.endSession)
  router.post(
    '/account/signout',
    failure(),
    look,
    start,
    entry.unlessSignedOut,
    ...form,
    page.signOut,
    entry.toSignedOut,
  )
  router.get('/signed-out', failure(), look, start, entry.signedOut)
  // A form that was refused is shown at the address that it was sent to, which people may then load.
  router.get('/signin/continue', entry.toPage('/signin'))
  router.get('/signup/form', entry.toPage('/signup'))
  router.get('/account/{*form}', entry.toPage('/account'))
}
