import { chmod, cp, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeSnapshot } from '../../src/migrations/write-snapshot.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'

test('a snapshot is made again when a failed build left one that only its owner can read, and then every user can read it', async (t) => {
  const folder = await createFolder(t)
  await cp(new URL('prisma/', root), join(folder, 'prisma'), { recursive: true })
  // The engine writes times in whole seconds, so a snapshot looks older than a copy of the same second.
  const minuteAgo = new Date(Date.now() - 60_000)
  for (const name of await readdir(join(folder, 'prisma'), { recursive: true }))
    await utimes(join(folder, 'prisma', name), minuteAgo, minuteAgo)
  const snapshot = join(folder, 'dist/snapshot')
  await mkdir(snapshot, { recursive: true, mode: 0o700 })
  await writeFile(join(snapshot, 'PG_VERSION'), '18', { mode: 0o600 })

  await writeSnapshot(pathToFileURL(`${folder}/`))
  t.deepEqual(await readdir(join(folder, 'dist')), ['snapshot'])
  const entries = await readdir(snapshot, { recursive: true, withFileTypes: true })
  t.deepEqual(entries.map(({ name }) => name).sort(), ['PG_VERSION', 'data.gz'])
  const modes = new Set<number>()
  for (const entry of entries) modes.add((await stat(join(entry.parentPath, entry.name))).mode & 0o777)
  t.deepEqual([...modes], [0o644])
  t.is((await stat(snapshot)).mode & 0o777, 0o755)
  t.true((await stat(join(snapshot, 'data.gz'))).size < 12_000_000)

  const { mtimeMs } = await stat(join(snapshot, 'data.gz'))
  await writeSnapshot(pathToFileURL(`${folder}/`))
  t.is((await stat(join(snapshot, 'data.gz'))).mtimeMs, mtimeMs, 'it was current')
})

test('a build that cannot migrate leaves neither a snapshot nor a part of one', async (t) => {
  const folder = await createFolder(t)
  await cp(new URL('prisma/', root), join(folder, 'prisma'), { recursive: true })
  const migration = join(folder, 'prisma/migrations/9999_broken')
  await mkdir(migration)
  await writeFile(join(migration, 'migration.sql'), 'SELECT broken;')
  await chmod(migration, 0o755)
  await t.throwsAsync(writeSnapshot(pathToFileURL(`${folder}/`)))
  t.deepEqual(await readdir(join(folder, 'dist')), [])
})
