import type { z } from 'zod'
import type { Middleware } from './context.ts'
import type { ErrorCode, GatewayError } from './errors.ts'

/** One way in which a route may answer. */
export type Answer = {
  description: string
  /** The body; left out where there is none. */
  schema?: z.ZodType
  /** The media type of the body: JSON unless it says otherwise. */
  type?: string
  /** Headers that are part of the answer, with what they say. */
  headers?: Readonly<Record<string, string>>
}

/** How failures are told. */
export type FailureForm = {
  /** Sets these answers apart from those of another form. */
  name: string
  type: string
  /** The body, whatever the code. */
  schema: z.ZodType
  /** JSON Schema of bodies that have one of these codes, to be held beside `schema`. */
  only(codes: readonly ErrorCode[]): object
  /** The body for an error. */
  tell(error: GatewayError, requestId: string): unknown
  /** The status that stands for the status of an error. */
  statusOf(status: number): number
}

/** How callers show who they are. */
export type Credential = 'accessToken' | 'refreshCookie' | 'actionSecret'

/**
 * What callers see of a step: what it reads, how it answers, what it may throw. A route promises what its steps promise,
 * from left to right, and the API reference says just that.
 */
export type Contract = {
  /** The JSON body, and the bytes that it may have. */
  body?: { schema: z.ZodType; limit: number }
  /** Objects with one member for each parameter. */
  path?: z.ZodType
  query?: z.ZodType
  header?: z.ZodType
  cookie?: z.ZodType
  /** Whoever has several ways to show who they are needs one of them; an optional one may be missing. */
  credential?: { kind: Credential; isOptional?: boolean }
  /** Status → answer. */
  answers?: Readonly<Record<number, Answer>>
  errors?: readonly ErrorCode[]
  /** How the failures of the steps to the right are told. */
  failures?: FailureForm
}

/** Lets a step say what it promises. Changes nothing of what it does. */
export function withContract(contract: Contract, step: Middleware): Middleware {
  return Object.assign(step, { contract })
}

/** What several steps may throw, each code once. */
export function errorsOf(steps: readonly Middleware[]): ErrorCode[] {
  return [...new Set(steps.flatMap(({ contract }) => contract?.errors ?? []))]
}
