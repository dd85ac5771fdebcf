import { createQuestions } from '../../src/process/worker-messages.ts'
import test from '../_test.ts'

test('answers are matched with their requests, in any order', async (t) => {
  const questions = createQuestions<string>(60_000)
  const asked: number[] = []
  const answers = [1, 2, 3].map(() => questions.ask((id) => asked.push(id)))
  t.is(new Set(asked).size, 3)
  for (const id of asked.toReversed()) questions.answered(id, `answer ${id}`)
  t.deepEqual(
    await Promise.all(answers),
    asked.map((id) => `answer ${id}`),
  )
})

test('a request without an answer is rejected, and a late answer is dropped', async (t) => {
  const questions = createQuestions<string>(1)
  let asked = 0
  const answer = questions.ask((id) => {
    asked = id
  })
  await t.throwsAsync(answer, { message: /did not answer within \d+ ms/ })
  t.notThrows(() => questions.answered(asked, 'late'))
})
