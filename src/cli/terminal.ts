import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { CommandError } from './failure.ts'

/** The standard streams of a command. */
export type Terminal = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>

// More than the longest password or key.
const maxInput = 65_536

/** Everything that comes in on standard input, without the newline at its end. Throws when it is not UTF-8 or too long. */
export async function readInput({ stdin }: Terminal): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    size += chunks.at(-1)?.length ?? 0
    if (size > maxInput) throw new CommandError('validation_failed', 'The standard input is too long')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, '')
  } catch (cause) {
    throw new CommandError('validation_failed', 'The standard input is not UTF-8', { cause })
  }
}

/** A new password: from standard input if `fromInput`, else typed twice. Throws when there is nobody to type it. */
export async function readNewPassword(terminal: Terminal, fromInput: boolean): Promise<string> {
  if (fromInput) return readInput(terminal)
  if (!terminal.stdin.isTTY) throw new CommandError('usage', 'Give the password with --password-stdin')
  const password = await ask(terminal, 'Password: ', true)
  if ((await ask(terminal, 'The same again: ', true)) === password) return password
  throw new CommandError('validation_failed', 'The two passwords are not the same')
}

/** Asks for a yes. Throws when there is nobody to ask, and when the answer is another. */
export async function confirm(terminal: Terminal, question: string): Promise<void> {
  if (!terminal.stdin.isTTY) throw new CommandError('usage', `${question} Confirm with --yes`)
  const answer = await ask(terminal, `${question} Type yes to go on: `, false)
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandError('interrupted', 'Nothing was changed')
}

/** Asks on standard error, so that standard output has the command's answer alone. */
function ask({ stdin, stderr }: Terminal, question: string, isHidden: boolean): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: isHidden ? nowhere : stderr, terminal: true })
  // Only now: the terminal itself shows what is typed before somebody listens.
  stderr.write(question)
  return new Promise((resolve, reject) => {
    let isAnswered = false
    lines.once('line', (line) => {
      isAnswered = true
      lines.close()
      resolve(line)
    })
    lines.once('SIGINT', () => lines.close())
    lines.once('close', () => {
      if (isHidden || !isAnswered) stderr.write('\n')
      if (!isAnswered) reject(new CommandError('interrupted', 'Interrupted; nothing was changed'))
    })
  })
}
