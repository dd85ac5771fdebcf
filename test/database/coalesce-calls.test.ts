import { setImmediate as nextTurn } from 'node:timers/promises'
import { coalesceCalls } from '../../src/database/listen-connection.ts'
import test from '../_test.ts'

/** Waits long enough for a pending call to begin. */
async function wait(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn()
}

test('concurrent callers share one call', async (t) => {
  let asked = 0
  const share = coalesceCalls(async () => ++asked)
  t.deepEqual(await Promise.all([share(), share(), share()]), [1, 1, 1])
  t.is(await share(), 2)
})

test('a caller during a pending call gets the answer of a later call', async (t) => {
  const answers: ((value: number) => void)[] = []
  const share = coalesceCalls(() => new Promise<number>((resolve) => answers.push(resolve)))
  const first = share()
  await wait()
  t.is(answers.length, 1)
  const late = [share(), share()]
  await wait()
  t.is(answers.length, 1, 'one call at a time')
  answers[0]?.(1)
  t.is(await first, 1)
  await wait()
  answers[1]?.(2)
  t.deepEqual(await Promise.all(late), [2, 2])
})

test('a call that fails fails for the callers that shared it, and for no later caller', async (t) => {
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
