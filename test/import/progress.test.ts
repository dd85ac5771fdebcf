import { createProgress } from '../../src/import/progress.ts'
import test from '../_test.ts'

const createStream = (isTTY: boolean, columns?: number) => {
  const written: string[] = []
  return { written, isTTY, columns, write: (text: string) => written.push(text) }
}

test('on a terminal, one line with the rate is redrawn', (t) => {
  const stream = createStream(true)
  let now = 0
  const progress = createProgress(stream, 4000, () => now)
  now = 500
  progress.update(1000)
  now = 2000
  progress.update(4000)
  progress.end()
  t.deepEqual(stream.written, [
    `\r[${'#'.repeat(8)}${'.'.repeat(22)}] 25 %, 1000 of 4000 users, 2000 per second`,
    `\r[${'#'.repeat(30)}] 100 %, 4000 of 4000 users, 2000 per second`,
    '\n',
  ])
})

test('a narrow terminal gets a line that fits', (t) => {
  const stream = createStream(true, 40)
  createProgress(stream, 10, () => 0).update(5)
  t.is(stream.written[0]?.length, 40)
})

test('without a terminal, every tenth of the users is a line', (t) => {
  const stream = createStream(false)
  const progress = createProgress(stream, 100)
  for (let done = 1; done <= 100; done++) progress.update(done)
  progress.end()
  t.is(stream.written.length, 10)
  t.is(stream.written[0], '10 of 100 users\n')
  t.is(stream.written[9], '100 of 100 users\n')
})

test('a total of zero, and more users than were counted, are shown as 100 %', (t) => {
  const stream = createStream(true)
  const progress = createProgress(stream, 0)
  progress.update(3)
  progress.end()
  t.regex(stream.written[0] ?? '', /^\r\[#{30}\] 100 %, 3 of 0 users/)
})
