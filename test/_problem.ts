import type { ExecutionContext } from 'ava'
import type { Answer } from './_app.ts'

/** What a problem's words never say: what the gateway is made of, where it lies, what it asked the database. */
const internal =
  /prisma|postgres|pglite|sqlstate|relation "|select |insert |node_modules|\/src\/|\/tmp\/|\.[jt]s\b|(?:\\n|\n)\s+at |koa|zod|"stack"/i

const members = ['code', 'detail', 'errors', 'requestId', 'status', 'title', 'type']

/** Holds an answer to be this error, in the shape of RFC 9457, without a word about the inside. */
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
  t.deepEqual(
    Object.keys(problem).filter((name) => !members.includes(name)),
    [],
  )
  // A field is named as the client wrote it.
  const fields = (problem.errors as { detail: string }[] | undefined)?.map(({ detail }) => detail)
  t.notRegex(JSON.stringify({ ...problem, errors: fields }), internal)
  t.notRegex([...answer.headers].join('\n'), internal)
}

/** The fields of a 422, sorted; every entry says what is wrong with one field. */
export function badFields(answer: Answer<unknown>): string[] {
  const { errors } = answer.body as { errors: { field: string; detail: string }[] }
  for (const entry of errors) {
    if (Object.keys(entry).sort().join() !== 'detail,field' || entry.detail.length < 3) {
      throw new Error(`not an entry about a field: ${JSON.stringify(entry)}`)
    }
  }
  return errors.map(({ field }) => field).sort()
}
