import type { Config } from './config/config.ts'
import type { Middleware } from './context.ts'
import { createChangePasswordSchema } from './endpoints/change-password.ts'
import { createLogoutBody, createTokenBody, exchangeBody, loginBody } from './endpoints/schemas.ts'
import { createSignupSchema } from './endpoints/signup.ts'
import type { OperationName } from './hasura/operations.ts'
import type { Operation } from './hasura/run-operation.ts'
import type { createLimitSteps } from './limits/middleware.ts'
import type { createSteps } from './steps.ts'

/** Where two doors differ: how tokens travel, and what it takes to be signed in. */
export type Door = { tokens: ReturnType<typeof createSteps>['tokens']; signedIn: Middleware[] }

/** What can be done by a route of its own and through Hasura: one line each, with the same steps behind every door. */
export function createOperations(
  step: ReturnType<typeof createSteps>,
  limit: ReturnType<typeof createLimitSteps>,
  config: Config,
  { tokens, signedIn }: Door,
) {
  const cookieMode = tokens.cookie !== null
  return {
    signup: {
      guards: [step.signupGate],
      input: createSignupSchema(config),
      steps: [...limit.signup, ...step.signup, ...tokens.signIn],
    },
    login: {
      guards: [],
      input: loginBody,
      steps: [...limit.login, ...step.verifyPassword, ...tokens.signIn],
    },
    refreshToken: {
      guards: [],
      input: createTokenBody(cookieMode),
      steps: [...limit.refresh, ...tokens.refresh],
    },
    exchangeCode: { guards: [], input: exchangeBody, steps: [...limit.refresh, ...tokens.exchange] },
    logout: { guards: [], input: createLogoutBody(cookieMode), steps: tokens.logout },
    changePassword: {
      guards: signedIn,
      input: createChangePasswordSchema(config),
      steps: [...limit.password, step.changePassword],
    },
    me: { guards: signedIn, input: null, steps: [step.user] },
    providers: { guards: [], input: null, steps: [step.providers] },
  } satisfies Record<OperationName, Operation>
}
