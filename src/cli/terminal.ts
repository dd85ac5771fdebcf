import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { writeText } from '../observability/terminal-text.ts'
import { CommandError } from './failure.ts'
import { quote } from './output.ts'

/** The standard streams of a command. */
export type Terminal = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>

// In bytes; larger than any password or key.
const maxInput = 65_536

/** Reads standard input without the newline at its end. Throws if it is not UTF-8 or too long. */
export async function readInput({ stdin }: Terminal): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    size += chunks.at(-1)?.length ?? 0
    if (size > maxInput)
      throw new CommandError(
        'validation_failed',
        `The standard input is too long; it may have at most ${maxInput} bytes`,
      )
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, '')
  } catch (cause) {
    throw new CommandError('validation_failed', 'The standard input is not UTF-8; encode it as UTF-8', {
      cause,
    })
  }
}

/** Reads the lines of a file, or of standard input for `-`, without white space around them and without empty lines. */
export async function readLines({ stdin }: Terminal, file: string): Promise<string[]> {
  const lines = createInterface({ input: file === '-' ? stdin : await openFile(file) })
  const found: string[] = []
  for await (const line of lines) if (line.trim() !== '') found.push(line.trim())
  return found
}

async function openFile(file: string): Promise<NodeJS.ReadableStream> {
  try {
    return (await open(file)).createReadStream()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new CommandError('file_not_found', `The file ${quote(file)} cannot be read (${code})`, { cause })
  }
}

/** Reads a new password from standard input if `fromInput`, else asks for it twice. Throws without a terminal. */
export async function readNewPassword(terminal: Terminal, fromInput: boolean): Promise<string> {
  if (fromInput) return readInput(terminal)
  if (!terminal.stdin.isTTY)
    throw new CommandError(
      'usage',
      'There is no terminal to ask for the password; give it with --password-stdin',
    )
  const password = await ask(terminal, 'Password: ', true)
  if ((await ask(terminal, 'Repeat the password: ', true)) === password) return password
  throw new CommandError('validation_failed', 'The two passwords are not the same; run the command again')
}

/** Asks for confirmation. Throws without a terminal, and for any answer but yes. */
export async function confirm(terminal: Terminal, question: string): Promise<void> {
  if (!terminal.stdin.isTTY) throw new CommandError('usage', `${question} Confirm with --yes`)
  const answer = await ask(terminal, `${question} Type yes to continue: `, false)
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandError('interrupted', 'Nothing was changed')
}

/** Asks on standard error, so that standard output has only the output of the command. */
function ask({ stdin, stderr }: Terminal, question: string, isHidden: boolean): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: isHidden ? nowhere : stderr, terminal: true })
  // Asked after the interface exists: until then, the terminal echoes the input.
  writeText(stderr, question)
  return new Promise((resolve, reject) => {
    let isAnswered = false
    lines.once('line', (line) => {
      isAnswered = true
      lines.close()
      resolve(line)
    })
    lines.once('SIGINT', () => lines.close())
    lines.once('close', () => {
      if (isHidden || !isAnswered) writeText(stderr, '\n')
      if (!isAnswered) reject(new CommandError('interrupted', 'Interrupted; nothing was changed'))
    })
  })
}
