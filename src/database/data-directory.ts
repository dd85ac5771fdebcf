import { stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Where under `directory` the embedded database is kept. */
export function dataDirOf(directory: string): string {
  return join(directory, 'pglite')
}

/** Whether there is an embedded database under `directory`. */
export function hasEmbedded(directory: string): Promise<boolean> {
  return exists(dataDirOf(directory))
}

/** Whether there is a file or folder of that name. */
export async function exists(path: string | URL): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}
