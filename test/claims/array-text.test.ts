import fc from 'fast-check'
import { createHasuraClaims } from '../../src/claims/hasura-claims.ts'
import { quick, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'

let app: TestApp
test.before('start', async () => {
  app = await startApp({ engine: quick })
})
test.after.always('stop', () => app?.close())

/** Returns the session variable of an array, as PostgreSQL reads it in a permission. */
async function readBack(value: unknown): Promise<unknown> {
  const grants = { userId: 'u', defaultRole: null, roles: [], extraClaims: { list: value } }
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

test('PostgreSQL reads numbers, booleans and objects of an array as their text', async (t) => {
  const list = [1, -2.5, true, { a: ['"', null] }]
  t.deepEqual(await readBack(list), ['1', '-2.5', 'true', '{"a":["\\"",null]}'])
})
