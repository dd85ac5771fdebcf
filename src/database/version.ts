import { readdirSync, readFileSync } from 'node:fs'

/** The version of this program, and its last migration, which its database has after a start. */
export type Version = { version: string; schema: string }

/** Reads the version from the files of the program. `root` is the folder of package.json. */
export function readVersion(root: URL): Version {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  const migrations = readdirSync(new URL('prisma/migrations/', root)).filter((name) => /^\d/.test(name))
  return { version, schema: migrations.sort().at(-1) ?? '' }
}

/** Describes a version in one line. */
export function describeVersion({ version, schema }: Version): string {
  return `${version}, schema ${schema}`
}
