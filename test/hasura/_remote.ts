import type { TestApp } from '../_app.ts'
import { type ActionOptions, type RemoteAnswer, readRemote, remoteRequest } from '../_hasura.ts'
import type { ExecutionContext } from '../_test.ts'
import { secret } from './_actions.ts'

/** Sends a query to the remote schema as Hasura does, by default with the right secret. */
export async function askRemote(
  app: TestApp,
  query: string,
  variables: Record<string, unknown> = {},
  options: ActionOptions = {},
): Promise<RemoteAnswer> {
  const request = remoteRequest(query, variables, { secret, ...options })
  const { status, text } = await app.call('POST', '/graphql', request)
  return readRemote(status, text)
}

/** Asserts that an answer has exactly these errors. */
export function faulty(t: ExecutionContext, { errors }: RemoteAnswer, ...codes: string[]): void {
  t.deepEqual(
    errors.map(({ extensions }) => extensions.code),
    codes,
    JSON.stringify(errors),
  )
  for (const { extensions } of errors) t.regex(String(extensions.detail), /^[A-Z].{3,}/s)
}
