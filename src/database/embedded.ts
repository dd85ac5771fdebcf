import { chmodSync, cpSync, readdirSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import type { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { dataDirOf, exists, makePrivate, noSnapshot, requireSameMajor } from './data-directory.ts'
import type { Connection, Statement } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { untilNull } from './exclusive.ts'
import { listenEmbedded } from './listener.ts'
import { createSchema } from './schema.ts'

/**
 * Opens the embedded database under `directory`, which is created with mode 0700 when it is missing. A new database is
 * a copy of `snapshot`, the data directory that the build made.
 * Throws when another process has the directory open, because two processes would lose writes. Throws when the
 * directory has files of other programs, an incomplete database, or one of another major version of PostgreSQL.
 */
export async function openEmbedded(directory: string, snapshot: URL): Promise<Connection> {
  await makePrivate(directory)
  const unlock = await lockDirectory(directory)
  try {
    const dataDir = dataDirOf(directory)
    if (await exists(dataDir)) await requireSameMajor(dataDir, snapshot)
    else await copySnapshot(snapshot, dataDir)
    return connectEmbedded(await createPglite(dataDir), unlock)
  } catch (error) {
    await unlock()
    throw error
  }
}

/**
 * Opens PGlite on a data directory so that a gateway runs under 512 MiB. PostgreSQL gets 16 MB of shared buffers
 * instead of 128 MB. On Node 24, V8 does not optimise the WebAssembly, because that takes 500 MiB there. On the other
 * lines it takes 60 MiB and makes a refresh a fifth faster. The V8 flags hold for the whole process.
 */
export async function createPglite(dataDir: string): Promise<PGlite> {
  if (process.versions.node.startsWith('24.'))
    for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag)
  const { PGlite } = await import('@electric-sql/pglite')
  return PGlite.create({
    dataDir,
    startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'],
  })
}

/** Returns the embedded database as a connection; `release` runs after the connection is closed. */
export function connectEmbedded(pglite: PGlite, release: () => Promise<void> = async () => {}): Connection {
  const { schema, qualify } = createSchema(async () => 'public')
  const queryOn =
    (from: Pick<PGlite, 'query'>): Connection['query'] =>
    async <Row>({ text }: Statement, values: readonly unknown[]) =>
      (await from.query<Row>(await qualify(text), [...values])).rows
  const query = queryOn(pglite)
  return {
    schema,
    qualify,
    adapter: new PrismaPGlite(pglite),
    query,
    queryApart: query,
    exclusively: (work) => work(),
    transact: (work) =>
      untilNull(() =>
        pglite.transaction((transaction) =>
          work({
            schema,
            qualify,
            query: queryOn(transaction),
            execute: async (script) => void (await transaction.exec(script)),
          }),
        ),
      ),
    listen: (channel, subscriber) => listenEmbedded(pglite, channel, subscriber),
    close: async () => {
      await pglite.close()
      await release()
    },
  }
}

/** Copies the snapshot to a temporary name and renames it, so that an interrupted start leaves no partial database. */
async function copySnapshot(snapshot: URL, dataDir: string): Promise<void> {
  if (!(await exists(snapshot))) throw new Error(noSnapshot)
  const unfinished = `${dataDir}.new`
  await rm(unfinished, { recursive: true, force: true })
  // For a thousand small files, the asynchronous form takes four times as long.
  cpSync(fileURLToPath(snapshot), unfinished, { recursive: true })
  // The installed snapshot may be read-only, and a copy keeps the modes of its source.
  chmodSync(unfinished, 0o700)
  for (const entry of readdirSync(unfinished, { recursive: true, withFileTypes: true }))
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600)
  await rename(unfinished, dataDir)
}
