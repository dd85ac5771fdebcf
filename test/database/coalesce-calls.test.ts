import { setImmediate as nextTurn } from 'node:timers/promises'
import test from 'ava'
import { coalesceCalls } from '../../src/database/listen-connection.ts'

/** Long enough for a question to be put, if it is to be. */
async function wait(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn()
}

test('all who come at the same time share one question', async (t) => {
  let asked = 0
  const share = coalesceCalls(async () => ++asked)
  t.deepEqual(await Promise.all([share(), share(), share()]), [1, 1, 1])
  t.is(await share(), 2)
})

test('who comes while a question is on its way gets the answer to a later one', async (t) => {
  const answers: ((value: number) => void)[] = []
  const share = coalesceCalls(() => new Promise<number>((resolve) => answers.push(resolve)))
  const first = share()
  await wait()
  t.is(answers.length, 1)
  const late = [share(), share()]
  await wait()
  t.is(answers.length, 1, 'one question at a time')
  answers[0]?.(1)
  t.is(await first, 1)
  await wait()
  answers[1]?.(2)
  t.deepEqual(await Promise.all(late), [2, 2])
})

test('a question that fails fails for those who shared it, and for nobody after', async (t) => {
  let asked = 0
  const share = coalesceCalls(async () => {
    if (++asked === 1) throw new Error('once')
    return asked
  })
  await Promise.all([
    t.throwsAsync(share(), { message: 'once' }),
    t.throwsAsync(share(), { message: 'once' }),
  ])
  t.is(await share(), 2)
})
