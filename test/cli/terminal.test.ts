import { CommandError } from '../../src/cli/failure.ts'
import { confirm, readInput, readNewPassword } from '../../src/cli/terminal.ts'
import test from '../_test.ts'
import { createFakeProcess } from './_in-process.ts'

/** A fake terminal that types the next answer after each question. */
function createTyping(...answers: string[]) {
  const fake = createFakeProcess()
  Object.assign(fake.stdin, { isTTY: true, setRawMode: () => fake.stdin })
  const write = fake.stderr.write.bind(fake.stderr)
  fake.stderr.write = ((text: string) => {
    write(text)
    if (text.endsWith(': ')) setImmediate(() => fake.stdin.write(answers.shift() ?? '\x03'))
    return true
  }) as typeof fake.stderr.write
  return fake
}

test('a new password is asked for twice, and never shown', async (t) => {
  const fake = createTyping('correct hose\x7f\x7frse\r', 'correct horse\r')
  t.is(await readNewPassword(fake, false), 'correct horse')
  t.is(fake.written.stderr, 'Password: \nRepeat the password: \n')
  t.is(fake.written.stdout, '')
})

test('two passwords that differ are refused', async (t) => {
  const fake = createTyping('correct horse\r', 'another horse\r')
  const error = await t.throwsAsync(readNewPassword(fake, false), { instanceOf: CommandError })
  t.is(error?.code, 'validation_failed')
})

for (const [name, key] of [
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
]) {
  test(`${name} at a prompt interrupts`, async (t) => {
    const fake = createTyping(key as string)
    const error = await t.throwsAsync(readNewPassword(fake, false), { instanceOf: CommandError })
    t.is(error?.code, 'interrupted')
    t.is(error?.exitCode, 130)
  })
}

test('a password from standard input is everything but the newline at its end', async (t) => {
  for (const [sent, read] of [
    ['correct horse', 'correct horse'],
    ['correct horse\n', 'correct horse'],
    ['correct horse\r\n', 'correct horse'],
    [' correct\nhorse \n\n', ' correct\nhorse \n'],
    ['pässwörd\n', 'pässwörd'],
  ] as const) {
    const fake = createFakeProcess()
    fake.stdin.end(sent)
    t.is(await readInput(fake), read)
  }
})

test('confirm takes yes for an answer, and nothing else', async (t) => {
  await t.notThrowsAsync(confirm(createTyping('yes\r'), 'Sure?'))
  await t.notThrowsAsync(confirm(createTyping('YES \r'), 'Sure?'))
  for (const answer of ['y\r', 'no\r', '\r', '\x03']) {
    const error = await t.throwsAsync(confirm(createTyping(answer), 'Sure?'), { instanceOf: CommandError })
    t.is(error?.code, 'interrupted')
  }
})
