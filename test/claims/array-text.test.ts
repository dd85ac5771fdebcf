import fc from 'fast-check'
import { createHasuraClaims, createSessionVariable } from '../../src/claims/hasura-claims.ts'
import { quick, startApp, type TestApp } from '../_app.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ engine: quick })
})
test.after.always('stop', () => app?.close())

/** Returns the session variable of an array, as PostgreSQL reads it in a permission. */
async function readBack(value: unknown): Promise<unknown> {
  const grants = { userId: 'u', defaultRole: null, roles: [], extraClaims: { list: JSON.stringify(value) } }
  const { extra } = createHasuraClaims(grants, { defaultRole: 'user', allowAdmin: false })
  const rows = await app.sql('SELECT ($1::text)::text[] AS list', [extra['x-hasura-list']])
  return rows[0]?.list
}

const awkward = ['', 'NULL', 'null', '{}', '{', '}', ',', '"', '\\', ' a ', '\n', '\v', '\u00a0', '\\"', "'"]
const text = fc
  .oneof(fc.constantFrom(...awkward), fc.string({ unit: 'binary' }))
  .filter((value) => !value.includes('\0'))

test('PostgreSQL reads back an array of any texts and nulls', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(text, fc.constant(null))), async (list) => {
      t.deepEqual(await readBack(list), list)
    }),
    { numRuns: 300 },
  )
})

test('PostgreSQL reads back an array of arrays of texts', async (t) => {
  const matrices = fc
    .integer({ min: 1, max: 4 })
    .chain((width) => fc.array(fc.array(text, { minLength: width, maxLength: width }), { minLength: 1 }))
  await fc.assert(
    fc.asyncProperty(matrices, async (matrix) => {
      t.deepEqual(await readBack(matrix), matrix)
    }),
  )
})

const nested = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.stringMatching(/^\w*$/),
    fc.constant(null),
    tie('list'),
  ),
  list: fc.array(tie('value'), { maxLength: 3 }),
})).list

/** Writes a nested array of simple texts in the format of PostgreSQL, also one that PostgreSQL cannot read. */
const written = (value: unknown): string =>
  Array.isArray(value)
    ? `{${value.map(written).join()}}`
    : value === null
      ? 'NULL'
      : JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value))

test('a nested array is a claim exactly if PostgreSQL reads its text', async (t) => {
  const isReadable = async (list: unknown) => {
    try {
      await app.sql('SELECT ($1::text)::text[] AS list', [written(list)])
      return true
    } catch {
      return false
    }
  }
  const isClaim = (list: unknown) => createSessionVariable(JSON.stringify(list), 'text') !== undefined
  const even = (value: unknown, depth: number): unknown => (depth === 0 ? value : [even(value, depth - 1)])
  const known = [
    [[['a'], ['b']], [['c']]],
    [['a'], 'b'],
    ['a', ['b']],
    [['a'], null],
    [['a'], []],
    [['a', 'b'], ['c']],
    [{ a: [1, [2]] }],
    even('a', 6),
    even('a', 7),
  ]
  for (const list of known) t.is(isClaim(list), await isReadable(list), JSON.stringify(list))
  await fc.assert(
    fc.asyncProperty(nested, async (list) => {
      // The refusal of arrays without any element is no loss.
      fc.pre(JSON.stringify(list).replace(/[[\],]/g, '') !== '')
      t.is(isClaim(list), await isReadable(list))
    }),
    { numRuns: rounds(100, 1000) },
  )
})

test('a claim that is an array of uneven arrays is left out and listed in leftOut', (t) => {
  const extraClaims = { teams: '[["a"], ["b", "c"]]', ids: '[["a"], ["b"]]' }
  const grants = { userId: 'u', defaultRole: null, roles: [], extraClaims }
  const { extra, leftOut } = createHasuraClaims(grants, { defaultRole: 'user', allowAdmin: false })
  t.deepEqual(extra, { 'x-hasura-ids': '{{a},{b}}' })
  t.deepEqual(leftOut, ['claim "teams"'])
})

test('PostgreSQL reads numbers, booleans and objects of an array as their text', async (t) => {
  const list = [1, -2.5, true, { a: ['"', null] }]
  t.deepEqual(await readBack(list), ['1', '-2.5', 'true', '{"a":["\\"",null]}'])
})
