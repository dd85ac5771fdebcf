import { cpSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PGlite } from '@electric-sql/pglite'
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { Connection } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { createExecuteScript } from './execute-script.ts'
import { listenEmbedded } from './listener.ts'

/**
 * Opens the embedded database under `directory`, made with mode 0700 when it is missing. A new database begins as a
 * copy of `snapshot`, the data directory that the build made.
 * Throws when another process has the directory open, because two at once would lose writes, and when it has files of
 * somebody else.
 */
export async function openEmbedded(directory: string, snapshot: URL): Promise<Connection> {
  await makePrivate(directory)
  const unlock = await lockDirectory(directory)
  try {
    const dataDir = dataDirOf(directory)
    if (!(await exists(dataDir))) await copySnapshot(snapshot, dataDir)
    const { PGlite } = await import('@electric-sql/pglite')
    return connectEmbedded(await PGlite.create({ dataDir }), unlock)
  } catch (error) {
    await unlock()
    throw error
  }
}

/** The embedded database as a connection; `release` runs after it is closed. */
export function connectEmbedded(pglite: PGlite, release: () => Promise<void> = async () => {}): Connection {
  return {
    adapter: createEmbeddedAdapter(pglite),
    query: async <Row>({ text }: { text: string }, values: readonly unknown[]) =>
      (await pglite.query<Row>(text, [...values])).rows,
    execute: async (script) => void (await pglite.exec(script)),
    exclusively: (work) => work(),
    listen: (channel, hearer) => listenEmbedded(pglite, channel, hearer),
    close: async () => {
      await pglite.close()
      await release()
    },
  }
}

/** Copied beside and moved into place, so that a start that is killed on the way leaves no half database. */
async function copySnapshot(snapshot: URL, dataDir: string): Promise<void> {
  if (!(await exists(snapshot))) throw new Error('The embedded database was not built. Run: npm run build')
  const unfinished = `${dataDir}.new`
  await rm(unfinished, { recursive: true, force: true })
  // A thousand small files: the asynchronous form takes four times as long.
  cpSync(fileURLToPath(snapshot), unfinished, { recursive: true })
  await rename(unfinished, dataDir)
}

/**
 * Prisma's adapter for the embedded database. The package's own executeScript does not wait for its outcome, so a
 * failing migration would be recorded as applied (test/migrations/migrate.test.ts).
 */
export function createEmbeddedAdapter(pglite: PGlite): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPGlite(pglite)
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: () => connect(pglite),
    connectToShadowDb: () =>
      Promise.reject(
        new Error('A shadow database would land in the real one; only diffSchema has one to spare.'),
      ),
  }
}

async function connect(pglite: PGlite): Promise<SqlDriverAdapter> {
  return Object.assign(await new PrismaPGlite(pglite).connect(), {
    executeScript: createExecuteScript((script) => pglite.exec(script)),
  })
}

/** Where under `directory` the embedded database is kept. */
function dataDirOf(directory: string): string {
  return join(directory, 'pglite')
}

// What the gateway leaves in it, at whatever moment it ends, and what may be in a directory that is empty to its owner.
const own = /^(pglite|secret)(\.new)?$|^lock-[0-9a-f]{8}(\.new)?$/
const database = /^pglite(\.new)?$/
const nothing = /^(lost\+found|\.gitkeep)$/

/**
 * Makes a data directory, or one that is empty or was made here before, private to its owner. Throws when it is somebody
 * else's, and leaves that as it is.
 */
async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const names = (await readdir(directory)).filter((name) => !nothing.test(name))
  if (!names.every((name) => own.test(name)) && !names.some((name) => database.test(name))) {
    throw new Error(
      `The directory ${directory} has other files in it, and would be closed to everybody else. Set AUTH_DATA_DIR to a directory of its own, such as ${join(directory, 'claimgate')}.`,
    )
  }
  await chmod(directory, 0o700)
}

/** Whether there is an embedded database under `directory`. */
export function hasEmbedded(directory: string): Promise<boolean> {
  return exists(dataDirOf(directory))
}

/** Whether there is a file or folder of that name. */
async function exists(path: string | URL): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}
