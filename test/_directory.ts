import { mkdtemp, statfs } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Two gigabytes: a whole run uses at most a tenth of it at a time. */
const enough = 2 ** 31

/** Creates a folder for the files of a test, in the launcher's folder. The caller removes it. */
export const makeDirectory = (name = 'claimgate'): Promise<string> =>
  mkdtemp(join(process.env.CLAIMGATE_TEST_DIRECTORY ?? tmpdir(), `${name}-`))

/**
 * Creates a folder for a whole run, in memory if there is enough: every embedded database begins with a copy of a
 * thousand files, for which a disk takes ten times as long.
 */
export async function makeRunDirectory(): Promise<string> {
  return mkdtemp(join((await hasRoom('/dev/shm')) ? '/dev/shm' : tmpdir(), 'claimgate-run-'))
}

async function hasRoom(path: string): Promise<boolean> {
  const room = await statfs(path).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  )
  return Math.min(room, freemem()) > enough
}
