/** How a conversation with Hasura can fail. */
export type HasuraFailure =
  | 'hasura_unavailable'
  | 'hasura_denied'
  | 'hasura_answer'
  | 'hasura_refused'
  | 'hasura_inconsistent'
  | 'source_not_found'
  | 'changed_meanwhile'

/** Why Hasura did not do what it was asked. The message is one line for people and has no secret. */
export class HasuraError extends Error {
  readonly code: HasuraFailure

  constructor(code: HasuraFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'HasuraError'
    this.code = code
  }
}
