import { type ErrorCode, errorTable, GatewayError } from '../../src/errors.ts'
import { problemOf } from '../../src/http/error-handler.ts'
import test from '../_test.ts'

for (const code of Object.keys(errorTable) as ErrorCode[]) {
  test(`the answer of ${code} has a title, and a detail that says what to do`, (t) => {
    const { title, detail, ...problem } = JSON.parse(problemOf(new GatewayError(code), 'id'))
    t.deepEqual(problem, {
      type: `urn:claimgate:error:${code}`,
      status: errorTable[code].status,
      code,
      requestId: 'id',
    })
    t.regex(title, /^[A-Z].{6,}[a-z]$/)
    t.regex(detail, /^[A-Z].{20,}\.$/)
    t.not(detail, title)
  })
}

test('the detail of one error replaces the default detail of its code', (t) => {
  const { title, detail } = JSON.parse(
    problemOf(new GatewayError('not_found', { detail: 'No such user' }), 'id'),
  )
  t.is(title, errorTable.not_found.title)
  t.is(detail, 'No such user')
})
