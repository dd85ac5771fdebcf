import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { root } from './_app.ts'
import { refuseSecrets, rememberIn } from './_secrets.ts'

export type GatewayProcess = {
  url: string
  child: ChildProcess
  /** Returns the output so far, of both streams. */
  output(): string
  /** Sends a signal and waits for the end. Throws when the process had an uncaught exception. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** The result of a process that ends by itself. */
export type ProcessResult = { code: number | null; stdout: string; stderr: string }

const main = fileURLToPath(new URL('dist/src/main.js', root))

/** A line that tells the port: of the welcome, or of the log while the database is away. */
export const startupLine = /listens on [^ ]+:(\d+) /
export const awayLine = /"port":(\d+).*"msg":"database unavailable; requests that need it get 503/

/**
 * Flags of Node for processes that live for a second: optimizing JavaScript and WebAssembly costs more than it saves.
 * They change no result.
 */
export const nodeFlags = ['--liftoff-only', '--no-opt', '--max-lazy', '--single-threaded-gc']

/** Returns an environment with only the caller's variables that Node needs. */
function environment(env: Record<string, string>): Record<string, string> {
  rememberIn(env)
  return {
    PATH: process.env.PATH ?? '',
    HOST: '127.0.0.1',
    PORT: '0',
    AUTH_BCRYPT_COST: '4',
    AUTH_RATE_LIMIT: 'off',
    ...env,
  }
}

function checkOutput(output: string): void {
  if (output.includes('"event":"process.failed"')) throw new Error(`uncaught exception: ${output}`)
}

/**
 * Starts the gateway, or another build of it, as a separate process in the folder `cwd` and waits for `line`. Throws when
 * it ends before.
 */
export async function startProcess(
  env: Record<string, string>,
  cwd: string,
  line = startupLine,
  program = main,
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [...nodeFlags, program], {
    cwd,
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const port = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      const found = line.exec(output)
      if (found?.[1]) resolve(found[1])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    ended.then(({ code }) => reject(new Error(`the gateway ended with ${code}: ${output}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    output: () => output,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      const end = await ended
      checkOutput(output)
      refuseSecrets(output)
      return end
    },
  }
}

/**
 * Runs the gateway until it ends by itself, at most 100 seconds, as the user `uid` if it is given. Throws after an
 * uncaught exception.
 */
export async function runProcess(
  env: Record<string, string>,
  cwd: string,
  uid?: number,
): Promise<ProcessResult> {
  const child = spawn(process.execPath, [...nodeFlags, main], {
    cwd,
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
    ...(uid !== undefined && { uid, gid: uid }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  checkOutput(stdout)
  refuseSecrets(stdout + stderr)
  return { code, stdout, stderr }
}
