import { EventEmitter } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import type { CommandProcess } from '../../src/cli/context.ts'
import { run } from '../../src/cli/run.ts'
import type { ProcessResult } from '../_process.ts'

/** Creates a process with this environment and without a terminal. */
export function createFakeProcess(env: Record<string, string> = {}): CommandProcess & {
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
    env,
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

/** Runs a command line in this process, twenty times faster than in a new process. */
export async function runInProcess(
  args: readonly string[],
  { env = {}, input = '' }: { env?: Record<string, string>; input?: string | Buffer } = {},
): Promise<ProcessResult> {
  const fake = createFakeProcess(env)
  fake.stdin.end(input)
  const code = await run(fake, args)
  return { code, stdout: fake.written.stdout ?? '', stderr: fake.written.stderr ?? '' }
}
