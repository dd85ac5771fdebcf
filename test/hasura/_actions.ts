import { type Answer, type AppOptions, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { type ActionOptions, actionRequest, readAction } from '../_hasura.ts'
import type { ExecutionContext } from '../_test.ts'

export const secret = 'what Hasura and the gateway share 0123456789'

/** A gateway with Actions. */
export function startActions(env: Record<string, string> = {}, options: AppOptions = {}): Promise<TestApp> {
  return startApp({ ...options, env: { AUTH_ACTION_SECRET: secret, ...env } })
}

/** Calls an action as Hasura does, by default with the right secret. */
export function callAction<Body = Record<string, unknown>>(
  app: TestApp,
  name: string,
  input: Record<string, unknown> = {},
  options: ActionOptions = {},
): Promise<Answer<Body>> {
  return app.call<Body>('POST', '/hasura/actions', actionRequest(name, input, { secret, ...options }))
}

/** Returns the value that an action answers. Throws for a failure. */
export async function act<Value = SessionBody>(
  app: TestApp,
  name: string,
  input?: Record<string, unknown>,
  options?: ActionOptions,
): Promise<Value> {
  const { status, text } = await callAction(app, name, input, options)
  const answer = readAction(status, text)
  if (!('value' in answer)) throw new Error(`${name}: ${text}`)
  return answer.value as Value
}

/** Returns the session variables and headers of a client with this session. */
export function asUser({ id, token }: Pick<SessionBody, 'id' | 'token'>, role = 'user'): ActionOptions {
  return {
    variables: { 'x-hasura-role': role, 'x-hasura-user-id': id },
    client: { Authorization: `Bearer ${token}` },
  }
}

/** Asserts that an answer is this error, in the form that Hasura passes on. */
export function failed(t: ExecutionContext, answer: Answer<unknown>, status: number, code: string): void {
  t.is(answer.status, status, answer.text)
  const read = readAction(answer.status, answer.text)
  if ('value' in read) throw new Error(`not a failure: ${answer.text}`)
  t.is(read.extensions.code, code, answer.text)
  t.is(read.extensions.requestId, answer.headers.get('x-request-id'))
  t.regex(read.message, /^[A-Z].{3,}/)
  t.regex(String(read.extensions.detail), /^[A-Z].{3,}/)
  t.is(answer.headers.get('cache-control'), 'no-store')
  t.is(answer.headers.get('content-type')?.split(';')[0], 'application/json')
}
