import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectEmbedded, createPglite } from '../database/embedded.ts'
import { createEngine } from '../database/engine.ts'
import { snapshotUrl } from '../database/open.ts'
import { archiveName, packSnapshot } from '../database/snapshot.ts'
import { migrate } from './migrate.ts'

/**
 * Writes the snapshot, a migrated data directory that new embedded databases unpack. That takes a fifth of the time of a
 * new directory. Does nothing when a complete snapshot is newer than the migrations and the database engine.
 * The snapshot is written under another name and renamed, so it is always complete.
 */
export async function writeSnapshot(root: URL): Promise<void> {
  const snapshot = snapshotUrl(root)
  if (await isCurrent(root, snapshot)) return
  await mkdir(new URL('../', snapshot), { recursive: true })
  const unfinished = await mkdtemp(fileURLToPath(snapshot).replace(/\/$/, '.'))
  try {
    const connection = connectEmbedded(createEngine(await createPglite(join(unfinished, 'data'))))
    try {
      await migrate(connection, root)
    } finally {
      await connection.close()
    }
    const packed = join(unfinished, 'packed')
    await packSnapshot(join(unfinished, 'data'), packed)
    await rm(snapshot, { recursive: true, force: true })
    await rename(packed, snapshot)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function isCurrent(root: URL, snapshot: URL): Promise<boolean> {
  const made = await stat(new URL(archiveName, snapshot)).catch(() => null)
  // An earlier build that failed could leave a directory that only its owner can read.
  if (made === null || (made.mode & 0o044) !== 0o044) return false
  const migrations = await readdir(new URL('prisma/migrations/', root), { recursive: true })
  const sources = [
    new URL(import.meta.resolve('@electric-sql/pglite')),
    ...migrations.map((path) => new URL(`prisma/migrations/${path}`, root)),
  ]
  const changed = await Promise.all(sources.map(async (source) => (await stat(source)).mtimeMs))
  return Math.max(...changed) < made.mtimeMs
}
