import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import {
  createMigratedDatabase,
  createServerDatabase,
  type Engine,
  engines,
  root,
  type SessionBody,
} from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import { type GatewayProcess, nodeFlags, type ProcessResult, startProcess } from '../_process.ts'
import { isLong } from '../_rounds.ts'
import { rememberIn } from '../_secrets.ts'
import test from '../_test.ts'
import { runInProcess } from './_in-process.ts'

const main = fileURLToPath(new URL('dist/src/cli/main.js', root))

export type CommandOptions = {
  env?: Record<string, string>
  input?: string | Buffer
  /** Runs the command in its own process, in the working directory of the deployment. */
  asProcess?: boolean
}

const basics = { HOST: '127.0.0.1', PORT: '0', AUTH_BCRYPT_COST: '4', AUTH_RATE_LIMIT: 'off' }

/** Runs the command in its own process, with only the environment variables that Node needs. */
export function runCommand(
  args: readonly string[],
  cwd: string,
  { env = {}, input = '' }: CommandOptions = {},
): Promise<ProcessResult> {
  const child = spawn(process.execPath, [...nodeFlags, main, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...basics, ...env },
    timeout: 100_000,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

// biome-ignore lint/suspicious/noExplicitAny: each command has its own document
type Document = any

/** A deployment without a running gateway, unless a test starts one. */
export type TestDeployment = {
  cwd: string
  env: Record<string, string>
  run(args: string, options?: CommandOptions): Promise<ProcessResult>
  /** Runs the command with --json and returns the document. Throws when it fails. */
  json(args: string, options?: CommandOptions): Promise<Document>
  /** Runs the command with --json and returns the error and the exit code. Throws when it does not fail. */
  failure(
    args: string,
    options?: CommandOptions,
  ): Promise<{ exit: number | null; code: string; message: string }>
  gateway(env?: Record<string, string>): Promise<GatewayProcess>
  sql<Row = Record<string, unknown>>(text: string): Promise<Row[]>
  /** Returns every row of every table, for a comparison with a later state. */
  dump(): Promise<string>
  /** Returns the output of all commands so far, on both streams. */
  transcript(): string
  close(): Promise<void>
}

/** The engine of the thorough tests: commands are faster on it, and `sql` can run beside a gateway. */
export const thorough: Engine = engines.at(-1) ?? 'embedded'

/** Tests that run `sql` beside a gateway, which the embedded database does not allow. */
export const besideGateway = thorough === 'server' ? test.serial : test.serial.skip

/**
 * Creates a migrated deployment of the engine in its own working directory. Its commands run in this process. With
 * `firstAsProcess`, the first run of each group of commands has its own process; in a long run, of each command.
 */
export async function createDeployment(
  engine: Engine,
  {
    env: extra = {},
    firstAsProcess = false,
  }: { env?: Record<string, string>; firstAsProcess?: boolean } = {},
): Promise<TestDeployment> {
  const cwd = await makeDirectory('claimgate-cli')
  const env: Record<string, string> = {
    AUTH_SECRET: 'a secret that is only good for tests 0123456789',
    ...(engine === 'server' && {
      DATABASE_URL: await (firstAsProcess ? createServerDatabase() : createMigratedDatabase()),
    }),
    ...extra,
  }
  const used = new Set<string>()
  let transcript = ''
  const run = async (
    args: string,
    { env: more = {}, input = '', asProcess = false }: CommandOptions = {},
  ) => {
    const name = (isLong ? /^\S+( [a-z]\S*)?/ : /^\S+/).exec(args)?.[0] ?? ''
    const isFirst = firstAsProcess && !used.has(name)
    used.add(name)
    const options = { env: { ...basics, ...env, ...more }, input }
    const result =
      asProcess || isFirst
        ? await runCommand(words(args), cwd, options)
        : await runInProcess(words(args), {
            ...options,
            env: { AUTH_DATA_DIR: join(cwd, 'data'), ...options.env },
          })
    transcript += result.stdout + result.stderr
    return result
  }

  async function sql<Row>(text: string): Promise<Row[]> {
    if (env.DATABASE_URL === undefined) {
      const pglite = await PGlite.create({ dataDir: join(cwd, 'data/pglite') })
      return pglite.query<Row>(text).then(
        ({ rows }) => pglite.close().then(() => rows),
        (error) => pglite.close().then(() => Promise.reject(error)),
      )
    }
    const client = new pg.Client({ connectionString: env.DATABASE_URL })
    await client.connect()
    return client.query(text).then(
      ({ rows }) => client.end().then(() => rows as Row[]),
      (error) => client.end().then(() => Promise.reject(error)),
    )
  }

  const deployment: TestDeployment = {
    cwd,
    env,
    run,
    json: async (args, options) => {
      const { code, stdout, stderr } = await run(`${args} --json`, options)
      if (code !== 0) throw new Error(`claimgate ${args} ended with ${code}: ${stderr}`)
      return JSON.parse(stdout)
    },
    failure: async (args, options) => {
      const { code, stdout, stderr } = await run(`${args} --json`, options)
      if (code === 0 || stdout !== '') throw new Error(`claimgate ${args} did not fail: ${stdout}`)
      return { exit: code, ...JSON.parse(stderr).error }
    },
    gateway: (more = {}) => startProcess({ ...env, ...more }, cwd),
    sql,
    dump: async () => JSON.stringify(await sql(dumpAll)),
    transcript: () => transcript,
    close: () => rm(cwd, { recursive: true, force: true }),
  }
  await deployment.json('migrate')
  return deployment
}

const tables = ['user', 'role', 'user_role', 'identity', 'session', 'signing_key', 'user_claim']
const dumpAll = tables
  .map((table) => `SELECT '${table}' AS "table", to_jsonb(t) AS "row" FROM "${table}" t`)
  .join(' UNION ALL ')
  .concat(' ORDER BY 1, 2')

/** Sends a request to a running gateway. */
export async function ask<Body = Record<string, unknown>>(
  gateway: GatewayProcess,
  path: string,
  { body, token }: { body?: object; token?: string } = {},
): Promise<{ status: number; body: Body }> {
  const response = await fetch(gateway.url + path, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(body && { 'Content-Type': 'application/json' }),
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const answer = text === '' ? null : JSON.parse(text)
  rememberIn([body, answer])
  return { status: response.status, body: answer as Body }
}

/** Signs a user in at a running gateway. Throws if the sign-in fails. */
export async function signIn(gateway: GatewayProcess, username: string, password = 'correct horse') {
  const { status, body } = await ask<SessionBody>(gateway, '/login', { body: { username, password } })
  if (status !== 200) throw new Error(`login of ${username}: ${status}`)
  return body
}

/** Splits a command line at spaces outside single quotes. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}
