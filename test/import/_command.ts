import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { pino } from 'pino'
import { toOpenError } from '../../src/cli/failure.ts'
import { registerImport } from '../../src/cli/import.ts'
import { parseConfig } from '../../src/config/config.ts'
import { createDatabase } from '../../src/database/database.ts'
import type { ProgressStream } from '../../src/import/progress.ts'
import type { ImportReport } from '../../src/import/run.ts'
import { root } from '../_app.ts'
import { openDatabase } from '../database/_open.ts'

export type CommandResult = { code: number; stdout: string; stderr: string }

export type CommandOptions = { env: Record<string, string | undefined>; pageSize?: number }

/** The configuration of every gateway in these tests. */
export const secret = { AUTH_SECRET: 'a secret that is only good for tests 0123456789' }

/** Runs `import …` as the command line does, and resolves to its exit code. */
export async function runCommand(
  args: readonly string[],
  { env, pageSize = 1000 }: CommandOptions,
  stdout: { write(text: string): unknown },
  stderr: ProgressStream,
): Promise<number> {
  let code = 0
  const program = new Command('claimgate').option('--json').exitOverride()
  registerImport(program, {
    parseConfig: () => parseConfig({ ...secret, ...env }),
    openTarget: async (config) => {
      const connection = openDatabase(config, root, pino({ level: 'silent' }))
      const database = createDatabase(
        await connection.catch((error) => {
          throw toOpenError(error)
        }),
      )
      return { database, close: database.close }
    },
    importExport: () => Promise.reject(new Error('These tests import no export')),
    isJson: args.includes('--json'),
    stdout,
    stderr,
    setExitCode: (exitCode) => {
      code = exitCode
    },
    pageSize,
  })
  await program.parseAsync(['import', ...args], { from: 'user' })
  return code
}

/** Runs `import …` in this process. */
export async function runImport(
  args: readonly string[],
  options: CommandOptions,
  terminal: Omit<ProgressStream, 'write'> = {},
): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' }
  const to = (name: keyof typeof output) => ({
    write: (text: string) => {
      output[name] += text
    },
  })
  const code = await runCommand(args, options, to('stdout'), { ...to('stderr'), ...terminal })
  return { code, ...output }
}

/** Runs `import … --json` in this process. Throws when standard output has no report. */
export async function importReport(
  args: readonly string[],
  options: CommandOptions,
): Promise<ImportReport & { code: number }> {
  const { code, stdout, stderr } = await runImport([...args, '--json'], options)
  if (stdout === '') throw new Error(`import ended with ${code}: ${stderr}`)
  return { code, ...JSON.parse(stdout) }
}

/** Starts `import …` as a process of its own. */
export function startImport(args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(new URL('_main.js', import.meta.url)), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
