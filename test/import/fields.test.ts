import { flag, time } from '../../src/import/fields.ts'
import { readMember } from '../../src/import/member.ts'
import { sourceNames } from '../../src/import/source-names.ts'
import { createRepeatFinder, toUserId } from '../../src/import/user-id.ts'
import test from '../_test.ts'
import { runImport } from './_command.ts'

test('times are read with their zone, as UTC without one, and as milliseconds', (t) => {
  const cases: Record<string, unknown> = {
    '2024-05-06T07:08:09.123Z': '2024-05-06T07:08:09.123Z',
    '2024-05-06 07:08:09': '2024-05-06T07:08:09.000Z',
    '2024-05-06 07:08:09.123456+00': '2024-05-06T07:08:09.123Z',
    '2024-05-06 07:08:09 UTC': '2024-05-06T07:08:09.000Z',
    '2024-05-06T07:08-0330': '2024-05-06T10:38:00.000Z',
    '2024-05-06': '2024-05-06T00:00:00.000Z',
    '1700000000000': '2023-11-14T22:13:20.000Z',
    '2024-02-30': null,
    'May 2024': null,
    infinity: null,
  }
  for (const [text, expected] of Object.entries(cases)) {
    const { success, data } = time.safeParse(text)
    t.is(success ? data : null, expected as string | null, text)
  }
  t.is(time.parse(1_700_000_000_000), '2023-11-14T22:13:20.000Z')
  t.is(time.parse({ $date: '2024-05-06T07:08:09Z' }), '2024-05-06T07:08:09.000Z')
  t.is(time.parse(undefined), null)
  t.false(time.safeParse([]).success)
  t.false(time.safeParse(Number.NaN).success)
})

test('a flag is true or false in the words of tables and JSON, or missing; other words are refused', (t) => {
  for (const word of [true, 1, 'true', 'T', ' Yes ', '1']) t.is(flag.parse(word), true)
  for (const word of [false, 0, 'false', 'f', 'NO', '0']) t.is(flag.parse(word), false)
  for (const word of [undefined, null, '']) t.is(flag.parse(word), undefined)
  for (const word of ['on', 2, {}, 'disabled']) t.false(flag.safeParse(word).success)
})

test('a member is found at a path, also with dots in its name, in JSON text and in arrays; inherited members are not', (t) => {
  const row = {
    'app.name': 'x',
    app: { 'https://hasura.io/claims': { id: 7 }, list: ['a', { b: 'c' }], name: 'y' },
    json: '{"org": {"id": "acme"}}',
    text: 'plain',
  }
  t.is(readMember(row, 'app.name'), 'x')
  t.is(readMember(row, 'app.https://hasura.io/claims.id'), 7)
  t.is(readMember(row, 'app.list.1.b'), 'c')
  t.is(readMember(row, 'json.org.id'), 'acme')
  for (const path of [
    'toString',
    '__proto__',
    'app.constructor',
    'text.length',
    'text.x',
    '.',
    '',
    'app.',
    'app.list.length.x',
  ])
    t.is(readMember(row, path), undefined, path)
})

test('a UUID stays; another id gives the same UUID of version 5 again, and a different one for another source', (t) => {
  t.is(toUserId('csv', 'C63B048B-BD9F-4DED-814A-A23368CE05E9'), 'c63b048b-bd9f-4ded-814a-a23368ce05e9')
  const id = toUserId('auth0', 'auth0|5dea9f9c82dd7c0e76e4ec93')
  t.regex(id, /^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  t.is(toUserId('auth0', 'auth0|5dea9f9c82dd7c0e76e4ec93'), id)
  t.not(toUserId('csv', 'auth0|5dea9f9c82dd7c0e76e4ec93'), id)
})

test('a repeated id is found', (t) => {
  const isRepeated = createRepeatFinder()
  const ids = ['c63b048b-bd9f-4ded-814a-a23368ce05e9', 'c63b048b-bd9f-4ded-814a-a23368ce05e8']
  t.deepEqual([...ids, ...ids].map(isRepeated), [false, false, true, true])
})

test('every source of the help is known', async (t) => {
  for (const name of sourceNames) {
    const { stderr } = await runImport([name, '://'], { env: {} })
    t.notRegex(stderr, /The source must be claimgate or one of/)
  }
})
