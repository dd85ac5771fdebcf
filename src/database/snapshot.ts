import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { exists, explain, noSnapshot } from './data-directory.ts'

/** The file of a snapshot that has the data directory: gzip of a line of JSON, and of the content of each file. */
export const archiveName = 'data.gz'

/** The line of an archive: folders before their content, and files with their sizes in bytes. */
type Header = { folders: string[]; files: [path: string, size: number][] }

/**
 * Writes the data directory of a stopped database as a snapshot, a tenth of its size, which every user can read. The
 * file PG_VERSION stays readable beside the archive.
 */
export async function packSnapshot(dataDir: string, snapshot: string): Promise<void> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
  const pathOf = (entry: (typeof entries)[number]) => join(entry.parentPath, entry.name)
  const nameOf = (path: string) => relative(dataDir, path).replaceAll(sep, '/')
  const paths = entries.filter((entry) => entry.isFile()).map(pathOf)
  const contents = await Promise.all(paths.map((path) => readFile(path)))
  const header: Header = {
    folders: entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => nameOf(pathOf(entry)))
      .sort(),
    files: paths.map((path, index) => [nameOf(path), contents[index]?.length ?? 0]),
  }
  await mkdir(snapshot, { recursive: true, mode: 0o755 })
  const archive = gzipSync(Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...contents]))
  await writeFile(join(snapshot, 'PG_VERSION'), await readFile(join(dataDir, 'PG_VERSION')), { mode: 0o644 })
  await writeFile(join(snapshot, archiveName), archive, { mode: 0o644 })
}

/**
 * Makes a data directory of a snapshot, private to this user. It has a temporary name first, so that an interrupted start
 * leaves no partial database.
 */
export async function unpackSnapshot(snapshot: URL, dataDir: string): Promise<void> {
  const archive = join(fileURLToPath(snapshot), archiveName)
  if (!(await exists(archive))) throw new Error(noSnapshot)
  const unfinished = `${dataDir}.new`
  await rm(unfinished, { recursive: true, force: true })
  try {
    writeFiles(gunzipSync(readFileSync(archive)), unfinished)
  } catch (error) {
    // A full disk needs the room.
    await rm(unfinished, { recursive: true, force: true })
    throw await explain(error as NodeJS.ErrnoException, dirname(dataDir))
  }
  await rename(unfinished, dataDir)
}

function writeFiles(all: Buffer, target: string): void {
  let at = all.indexOf('\n') + 1
  const { folders, files } = JSON.parse(all.toString('utf8', 0, at)) as Header
  // For a thousand small files, the asynchronous functions take four times as long.
  mkdirSync(target, { mode: 0o700 })
  for (const folder of folders) mkdirSync(join(target, folder), { mode: 0o700 })
  for (const [path, size] of files) {
    writeFileSync(join(target, path), all.subarray(at, at + size), { mode: 0o600 })
    at += size
  }
}
