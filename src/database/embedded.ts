import { cpSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { PGlite } from '@electric-sql/pglite'
import { dataDirOf, exists, makePrivate } from './data-directory.ts'
import type { Connection } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { createEmbeddedAdapter } from './embedded-adapter.ts'
import { listenEmbedded } from './embedded-listening.ts'

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
