import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type PostgresServer, startPostgres } from './_postgres.ts'

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

process.exitCode = await runTests(process.argv.slice(2))

/** Runs AVA beside a PostgreSQL server whose URL the tests find in `CLAIMGATE_TEST_POSTGRES`. */
async function runTests(args: string[]): Promise<number> {
  if (process.env.SKIP_POSTGRES === '1') {
    console.log('PostgreSQL: skipped')
    return runAva(args, {})
  }
  let server: PostgresServer
  try {
    server = await startPostgres()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    console.error('Run with SKIP_POSTGRES=1 to leave out the tests that need a server.')
    return 1
  }
  try {
    console.log(`PostgreSQL: ${server.version} from ${server.source}`)
    return await runAva(args, { CLAIMGATE_TEST_POSTGRES: server.url })
  } finally {
    await server.stop()
  }
}

async function runAva(args: string[], environment: Record<string, string>): Promise<number> {
  const cli = fileURLToPath(new URL('cli.mjs', import.meta.resolve('ava')))
  let ava: ChildProcess | undefined
  for (const signal of FORWARDED) process.on(signal, () => ava?.kill(signal))
  ava = spawn(process.execPath, [cli, ...args], { stdio: 'inherit', env: { ...process.env, ...environment } })
  const [code, signal] = (await once(ava, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal ? 128 + constants.signals[signal] : (code ?? 1)
}
