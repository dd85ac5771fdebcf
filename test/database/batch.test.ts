import { createBatch } from '../../src/database/batch.ts'
import test from '../_test.ts'

/** Returns a batched read of a changing row, whose statements end when the test says so. */
function prepare(concurrency?: number) {
  const statements: { keys: readonly string[]; end(error?: Error): void }[] = []
  let version = 1
  const read = createBatch<string, string>(
    (keys) =>
      new Promise((resolve, reject) => {
        const rows = new Map(keys.filter((key) => key !== 'none').map((key) => [key, `${key} ${version}`]))
        statements.push({ keys, end: (error) => (error ? reject(error) : resolve(rows)) })
      }),
    concurrency,
  )
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  return { read, statements, turn, change: () => void version++ }
}

test('the calls of one turn share a statement, and equal keys a row', async (t) => {
  const { read, statements, turn } = prepare()
  const rows = Promise.all([read('a'), read('b'), read('a'), read('none')])
  await turn()
  t.deepEqual(
    statements.map(({ keys }) => keys),
    [['a', 'b', 'none']],
  )
  statements[0]?.end()
  t.deepEqual(await rows, ['a 1', 'b 1', 'a 1', null])
})

test('a call after the begin of a statement is answered by a later statement', async (t) => {
  const { read, statements, turn, change } = prepare()
  const first = read('a')
  await turn()
  change()
  const second = read('a')
  await turn()
  t.is(statements.length, 2)
  for (const { end } of statements) end()
  t.is(await first, 'a 1')
  t.is(await second, 'a 2')
})

test('calls wait for the end of a statement while the allowed number runs', async (t) => {
  const { read, statements, turn } = prepare(1)
  const first = read('a')
  await turn()
  const later = [read('b'), read('c')]
  await turn()
  t.is(statements.length, 1)
  statements[0]?.end()
  await first
  await turn()
  t.deepEqual(statements[1]?.keys, ['b', 'c'])
  statements[1]?.end()
  t.deepEqual(await Promise.all(later), ['b 1', 'c 1'])
})

test('a failed statement fails its calls and the waiting ones, and no later ones', async (t) => {
  const { read, statements, turn } = prepare(1)
  const first = [read('a'), read('b')]
  await turn()
  const failed = Promise.allSettled([...first, read('c')])
  statements[0]?.end(new Error('away'))
  t.deepEqual(
    (await failed).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  const next = read('a')
  await turn()
  t.is(statements.length, 2)
  statements[1]?.end()
  t.is(await next, 'a 1')
})
