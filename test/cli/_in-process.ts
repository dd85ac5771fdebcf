import { EventEmitter } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import type { CommandProcess } from '../../src/cli/context.ts'
import { run } from '../../src/cli/run.ts'
import type { ProcessResult } from '../_process.ts'

/** A process for command lines that need no database: no environment, nobody at the terminal. */
export function createFakeProcess(): CommandProcess & {
  stdin: PassThrough
  written: Record<string, string>
} {
  const written: Record<string, string> = { stdout: '', stderr: '' }
  const stream = (name: string) =>
    new Writable({
      write: (chunk, _encoding, done) => {
        written[name] += String(chunk)
        done()
      },
    })
  const fake = Object.assign(new EventEmitter(), {
    env: {},
    loadEnvFile: () => {},
    exit: (code: number) => {
      throw new Error(`exit ${code}`)
    },
    stdin: new PassThrough(),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    written,
  })
  return fake as unknown as ReturnType<typeof createFakeProcess>
}

/** Runs a command line in this process: no faster way to ask for every help text. */
export async function runInProcess(args: readonly string[]): Promise<ProcessResult> {
  const fake = createFakeProcess()
  const code = await run(fake, args)
  return { code, stdout: fake.written.stdout ?? '', stderr: fake.written.stderr ?? '' }
}
