import { accessSync, constants, statSync } from 'node:fs'
import type { Warning } from '../config/warnings.ts'

// The permissions of group and others to read.
const readableByOthers = 0o044

/**
 * Returns a warning for each file with a secret that other users of the machine may read. Only files of this user
 * (`uid`) are considered, on file systems that can be written: this user can correct them. Container platforms mount
 * secrets with wide modes, as files of root or read-only, into a container with no other users.
 */
export function findOpenFiles(
  paths: readonly string[],
  uid: number | undefined,
  isOnReadOnly: (path: string) => boolean = isOnReadOnlyMount,
): Warning[] {
  return [...new Set(paths)].flatMap((path) => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats?.isFile() || stats.uid !== uid || (stats.mode & readableByOthers) === 0) return []
    if (isOnReadOnly(path)) return []
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
    return [
      {
        name: path,
        detail: `may be read by other users of this machine (mode ${mode})`,
        cure: 'let its owner alone read it (chmod 600)',
      },
    ]
  })
}

function isOnReadOnlyMount(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
  }
}
