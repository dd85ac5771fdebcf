import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { findChromium } from './_chromium.ts'
import { makeRunDirectory } from './_directory.ts'
import { findLong, writeGroups } from './_groups.ts'
import { type PostgresServer, startPostgres } from './_postgres.ts'
import { openDatabase } from './database/_open.ts'

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const root = new URL('../../', import.meta.url)
const directory = await makeRunDirectory()
try {
  const isLong = process.argv[2] === '--long'
  const args = process.argv.slice(isLong ? 3 : 2)
  const folders = args.filter((arg) => /^\w[\w-]*$/.test(arg))
  // A file that is named runs in a worker of its own.
  const isGrouped = args.every((arg) => !arg.endsWith('.js'))
  const files = isGrouped && (await (isLong ? findLong() : writeGroups(folders)))
  process.exitCode = await runTests(
    args.filter((arg) => !folders.includes(arg)),
    {
      CLAIMGATE_TEST_DIRECTORY: directory,
      ...(isLong && { TEST_LONG: '1' }),
      ...(files && { CLAIMGATE_TEST_FILES: files.join(' ') }),
    },
  )
} finally {
  await rm(directory, { recursive: true, force: true })
}

/**
 * Runs AVA with a PostgreSQL server whose URL is in `CLAIMGATE_TEST_POSTGRES`, and the name
 * of a migrated database to copy in `CLAIMGATE_TEST_TEMPLATE`.
 */
async function runTests(args: string[], variables: Record<string, string>): Promise<number> {
  const environment = { ...variables, ...environmentOfBrowser() }
  if (process.env.SKIP_POSTGRES === '1') {
    console.log('PostgreSQL: skipped')
    return runAva(args, environment)
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
    return await runAva(args, {
      ...environment,
      CLAIMGATE_TEST_POSTGRES: server.url,
      CLAIMGATE_TEST_TEMPLATE: await createTemplate(server),
    })
  } finally {
    await server.stop()
  }
}

/** Returns the variable with the browser's path; prints a note when there is no browser. */
function environmentOfBrowser(): Record<string, string> {
  const path = findChromium(process.env.CHROMIUM_PATH)
  console.log(
    path ? `Browser: ${path}` : 'Browser: none found; page tests are skipped; set CHROMIUM_PATH to run them',
  )
  return path ? { CLAIMGATE_TEST_CHROMIUM: path } : {}
}

/** Creates a migrated database without open connections. */
async function createTemplate(server: PostgresServer): Promise<string> {
  const name = `claimgate_${randomUUID().replaceAll('-', '')}`
  const databaseUrl = await server.createDatabase(name)
  const log = pino({ level: 'silent' })
  await (await openDatabase({ databaseUrl, dataDir: '' }, root, log)).close()
  return name
}

async function runAva(args: string[], environment: Record<string, string>): Promise<number> {
  const cli = fileURLToPath(new URL('_ava.js', import.meta.url))
  let ava: ChildProcess | undefined
  for (const signal of FORWARDED) process.on(signal, () => ava?.kill(signal))
  ava = spawn(process.execPath, [cli, ...args], { stdio: 'inherit', env: { ...process.env, ...environment } })
  const [code, signal] = (await once(ava, 'exit')) as [number | null, NodeJS.Signals | null]
  return signal ? 128 + constants.signals[signal] : (code ?? 1)
}
