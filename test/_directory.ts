import { mkdtemp, statfs } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Two gigabytes: what a whole run has open at one time is a tenth of it. */
const enough = 2 ** 31

/** A new folder for what a test writes, below the one that the launcher made. Whoever asks for it removes it. */
export const makeDirectory = (name = 'claimgate'): Promise<string> =>
  mkdtemp(join(process.env.CLAIMGATE_TEST_DIRECTORY ?? tmpdir(), `${name}-`))

/**
 * A new folder for a whole run: in memory if there is plenty, as every embedded database begins with a copy of a
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
