import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { bodyOf } from '../http/body.ts'
import { storableText } from '../http/validate.ts'
import { guessLimit } from '../limits/middleware.ts'
import { attempt } from '../observability/announce.ts'
import type { Transport } from './transport.ts'

/** The body of POST /login. */
export const loginBody = z.strictObject({
  username: storableText(1024)
    .min(1, 'is required')
    .meta({ examples: ['ada'] }),
  password: storableText(1024)
    .min(1, 'is required')
    .meta({ examples: ['correct horse'] }),
})

/** POST /login: signs a user in with username and password. */
export function login(deps: Dependencies, { signIn }: Transport) {
  const { config, limits, devices, authenticate } = deps
  const { name } = deps.passwordProvider
  return {
    guards: [passwordGate({ isOpen: config.passwordApi })],
    input: loginBody,
    steps: [
      guessLimit({ limits, devices, usernameOf: (ctx) => bodyOf(ctx, loginBody).username }),
      attempt({ provider: name, ok: 'login.ok', failed: 'login.failed' }),
      withContract(
        { errors: ['invalid_credentials', 'overloaded', 'database_unavailable'] },
        authenticate({ provider: name, property: 'user', refused: 'invalid_credentials' }),
      ),
      ...signIn,
    ],
  } satisfies Operation
}

/** Throws `password_api_disabled` while apps must not see passwords. The pages do not have this step. */
export function passwordGate({ isOpen }: { isOpen: boolean }): Middleware {
  return withContract(
    { errors: isOpen ? [] : ['password_api_disabled'] },
    async function passwordGate(_ctx, next) {
      if (!isOpen) throw new GatewayError('password_api_disabled')
      await next()
    },
  )
}
