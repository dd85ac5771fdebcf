import { toCommandError, toOpenError } from '../../src/cli/failure.ts'
import { count, list, printable, quote, table } from '../../src/cli/output.ts'
import { GatewayError } from '../../src/errors.ts'
import test from '../_test.ts'

test('a table is aligned, with - for what is missing', (t) => {
  const rows = [
    ['é', true, null],
    ['longer', false, new Date(1_700_000_000_999)],
  ]
  t.is(
    table(['NAME', 'OK', 'SINCE'], rows, 'None.'),
    ['NAME    OK   SINCE', 'é       yes  -', 'longer  no   2023-11-14 22:13:20Z'].join('\n'),
  )
  t.is(table(['NAME'], [], 'None.'), 'None.')
  t.is(list({ a: 1, longer: '' }), 'a       1\nlonger  -')
})

test('what could move the cursor or turn text around is escaped', (t) => {
  t.is(printable('a\x1b[2J\n\u202eb\u0085'), 'a\\u{1b}[2J\\u{a}\\u{202e}b\\u{85}')
  t.is(quote('José 🐎'), '"José 🐎"')
})

test('count knows the plural', (t) => {
  t.deepEqual(
    [0, 1, 2].map((number) => count(number, 'session')),
    ['0 sessions', '1 session', '2 sessions'],
  )
})

test('an unexpected error is told by the last line of its message alone', (t) => {
  const error = toCommandError(
    new Error('\nInvalid `prisma.user.create()` invocation:\n{ password: "$2b$" }\n\nNo.'),
  )
  t.is(error.message, 'Unexpected error: No.')
  t.is(error.exitCode, 1)
})

test("a gateway's error keeps its code where commands have it, and an unavailable database has its reason", (t) => {
  t.like(toCommandError(new GatewayError('username_taken')), { code: 'username_taken', exitCode: 73 })
  t.like(toCommandError(new GatewayError('database_unavailable')), {
    code: 'database_unavailable',
    exitCode: 69,
  })
  const cause = Object.assign(new Error('read-only'), { code: '25006' })
  t.regex(
    toCommandError(new GatewayError('database_unavailable', { cause })).message,
    /^Database unavailable: read-only\. Set DATABASE_URL to the primary/,
  )
  t.like(toCommandError(new GatewayError('overloaded')), { code: 'failed', exitCode: 1 })
})

test('an error of several addresses is told by the first', (t) => {
  const error = toOpenError(
    new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), new Error('other')]),
  )
  t.is(error.message, 'The database cannot be opened. connect ECONNREFUSED ::1:5432')
})
