import type { Dependencies } from '../dependencies.ts'
import type { OperationName } from '../hasura/operations.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { changePassword } from './change-password.ts'
import { login } from './login.ts'
import { logout } from './logout.ts'
import { providers } from './providers.ts'
import { signup } from './signup.ts'
import { stepUp } from './step-up.ts'
import { exchangeCode, refreshToken } from './token.ts'
import type { Transport } from './transport.ts'
import { me } from './user.ts'

/** The operations with a route of their own that Hasura can call too, each with the same steps. */
export function createOperations(deps: Dependencies, transport: Transport) {
  return {
    signup: signup(deps, transport),
    login: login(deps, transport),
    refreshToken: refreshToken(deps, transport),
    exchangeCode: exchangeCode(deps, transport),
    logout: logout(deps, transport),
    changePassword: changePassword(deps, transport),
    stepUp: stepUp(deps, transport),
    me: me(deps, transport),
    providers: providers(deps),
  } satisfies Record<OperationName, Operation>
}
