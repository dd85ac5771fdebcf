import { type FieldRule, fieldRules } from '../src/errors.ts'
import type { Answer } from './_app.ts'
import type { ExecutionContext } from './_test.ts'

/** Texts that no problem may contain: names of libraries, paths and statements. */
const internal =
  /prisma|postgres|pglite|sqlstate|relation "|select |insert |node_modules|\/src\/|\/tmp\/|\.[jt]s\b|(?:\\n|\n)\s+at |koa|zod|"stack"/i

const members = ['code', 'detail', 'errors', 'requestId', 'status', 'title', 'type']

/** Asserts that an answer is this error, in the form of RFC 9457, without internal details. */
export function refused(t: ExecutionContext, answer: Answer<unknown>, status: number, code: string): void {
  t.is(answer.status, status, answer.text)
  t.is(answer.headers.get('content-type')?.split(';')[0], 'application/problem+json')
  t.is(answer.headers.get('cache-control'), 'no-store')
  const problem = answer.body as Record<string, unknown>
  t.is(problem.code, code, answer.text)
  t.is(problem.type, `urn:claimgate:error:${code}`)
  t.is(problem.status, status)
  t.is(problem.requestId, answer.headers.get('x-request-id'))
  t.regex(String(problem.title), /^[A-Z].{3,}/)
  t.regex(String(problem.detail), /^[A-Z].{3,}/)
  t.deepEqual(
    Object.keys(problem).filter((name) => !members.includes(name)),
    [],
  )
  // A field has the spelling of the client.
  const fields = (problem.errors as { detail: string }[] | undefined)?.map(({ detail }) => detail)
  t.notRegex(JSON.stringify({ ...problem, errors: fields }), internal)
  t.notRegex([...answer.headers].join('\n'), internal)
}

/** Returns the fields of a 422, sorted; every entry has the fault of one field. */
export function badFields(answer: Answer<unknown>): string[] {
  const { errors } = answer.body as {
    errors: { field: string; rule: FieldRule; limit?: number; detail: string }[]
  }
  for (const entry of errors) {
    const hasLimit = entry.rule === 'too_short' || entry.rule === 'too_long'
    const names = hasLimit ? 'detail,field,limit,rule' : 'detail,field,rule'
    const isKnown = Object.hasOwn(fieldRules, entry.rule)
    if (Object.keys(entry).sort().join() !== names || !isKnown || entry.detail.length < 3) {
      throw new Error(`not an entry about a field: ${JSON.stringify(entry)}`)
    }
  }
  return errors.map(({ field }) => field).sort()
}
