import { z } from 'zod'
import { createLog } from '../../src/observability/log.ts'
import test from '../_test.ts'

function logged(error: unknown): { text: string; err: Record<string, unknown> } {
  let text = ''
  createLog('info', {
    write: (line: string) => {
      text += line
    },
  }).info({ err: error }, 'it failed')
  return { text, err: JSON.parse(text).err }
}

const secret = 'Tr0ub4dor-and-3'

test('an error is logged with type, code, message and stack', (t) => {
  const { err } = logged(
    Object.assign(new TypeError('no such table'), { code: '42P01', cause: new Error('because') }),
  )
  t.like(err, { type: 'TypeError', code: '42P01', message: 'no such table' })
  t.regex(String(err.stack), /^ +at .*log\.test/m)
  t.like(err.cause, { type: 'Error', message: 'because' })
})

for (const [what, error] of [
  ['the input of a failed JSON.parse', thrownBy(() => JSON.parse(`{"password":${secret}`))],
  ['a header value', thrownBy(() => new Headers({ Authorization: `Bearer ${secret}\n\0` }))],
  ['the URL of a connection', thrownBy(() => new URL(`postgres://me:${secret}@[`))],
  ['members that a library added', Object.assign(new Error('x'), { parameters: [secret], detail: secret })],
  ['the call that Prisma prints', new Error(`Invalid call\n{ password: "${secret}" }\n\nIt failed.`)],
  ['a value that PostgreSQL quotes', Object.assign(new Error(`no uuid: "${secret}"`), { code: '22P02' })],
  ['an invalid input', thrownBy(() => z.object({ a: z.number() }).parse({ a: secret }))],
  ['a thrown object', { secret }],
  ['the cause of a cause', new Error('x', { cause: new Error('y', { cause: { secret } }) })],
] as const) {
  test(`the log has no secret from ${what}`, (t) => {
    const { text } = logged(error)
    t.false(text.includes(secret), text)
    t.true(text.includes('it failed'))
  })
}

test('refused connections to several addresses are logged by the first', (t) => {
  const { err } = logged(
    new AggregateError([Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' })]),
  )
  t.like(err.cause, { code: 'ECONNREFUSED', message: 'connect refused' })
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('it did not throw')
}
