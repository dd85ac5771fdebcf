import { readFile } from 'node:fs/promises'
import { isClaimName } from '../claims/hasura-claims.ts'
import type { Config } from '../config/config.ts'
import { databaseUrl } from '../config/values.ts'
import { identifyDatabase } from '../database/same-database.ts'
import { auth0, readAuth0Password } from './auth0.ts'
import { csv } from './csv.ts'
import { readRows } from './file-rows.ts'
import type { FileSource } from './file-source.ts'
import { openTextFile } from './file-text.ts'
import { findFormat, pathsOf, readClaims, readFileUsers, surveyFile } from './file-users.ts'
import { firebase } from './firebase.ts'
import { parseHashConfig } from './firebase-hash.ts'
import { keycloak } from './keycloak.ts'
import { findQueries, type Layout } from './layout.ts'
import { ImportError } from './problems.ts'
import { type BadRow, countUsers, readUsers, type SourceUser } from './read-users.ts'
import { openSource, type Source } from './source.ts'
import { sourceNames } from './source-names.ts'
import { layouts } from './sources.ts'
import { supabaseFile } from './supabase.ts'

/** Every program whose users can be imported from a file. */
const fileSources: readonly FileSource[] = [auth0, firebase, keycloak, supabaseFile, csv]

/** The choices that depend on the source. */
export type SourceChoices = {
  /** `name=member`: the member of a user that becomes the claim. */
  claim?: readonly string[]
  /** The member of a user in a file that has the roles. */
  rolesFrom?: string
  /** True makes missing roles. */
  createRoles?: boolean
  /** The file with the password hashes of Auth0. */
  passwords?: string
  /** The file with the parameters of Firebase. */
  hashConfig?: string
  /** True imports no password. */
  withoutPasswords?: boolean
}

/** An open source of users. */
export type OpenUsers = {
  /** True for a program that knows no roles of Hasura: only roles that exist here are granted, unless `createRoles` is chosen. */
  isForeign: boolean
  /** Remarks for the report. */
  remarks: string[]
  count(): Promise<number>
  /** Reads the users, `size` at a time. */
  pages(size: number): AsyncGenerator<(SourceUser | BadRow)[]>
  close(): Promise<void>
}

/** The source and its choices, checked. `open` reads the source; it throws ImportError. */
export type CheckedSource = { open(config: Config, now: number): Promise<OpenUsers> }

/** Checks the arguments of an import. Throws ImportError `usage`. */
export function checkSource(name: string, from: string, choices: SourceChoices): CheckedSource {
  const layout = layouts.find((candidate) => candidate.name === name)
  const file = fileSources.find((candidate) => candidate.name === name)
  // The message omits the argument: a URL in the wrong position may contain a password.
  if (!layout && !file)
    throw new ImportError(
      'usage',
      `The source must be claimgate or one of ${sourceNames.join(', ')}; its file or URL comes second.`,
    )
  const claims = parseClaims(choices.claim ?? [])
  const isUrl = /^[a-z][a-z\d+.-]*:\/\//i.test(from)
  if (layout && (isUrl || !file)) {
    const problem = databaseUrl.safeParse(from).error?.issues[0]?.message
    if (problem !== undefined) throw new ImportError('usage', `The URL ${problem}.`)
    refuseOptions(choices, ['rolesFrom', 'passwords', 'hashConfig'], 'for sources in files')
    if (layout.isForeign !== true)
      refuseOptions(choices, ['createRoles'], 'not needed for this source, whose roles are always made')
    return { open: (config) => openDatabaseUsers(from, layout, claims, config) }
  }
  if (file === undefined || isUrl)
    throw new ImportError('usage', `The source ${name} is a file, and not a URL.`)
  if (file !== auth0) refuseOptions(choices, ['passwords'], 'for the source auth0')
  if (file !== firebase) refuseOptions(choices, ['hashConfig'], 'for the source firebase')
  return { open: (config, now) => openFileUsers(from, file, claims, choices, config, now) }
}

/** Reads `name=member` of each --claim. */
function parseClaims(pairs: readonly string[]): Map<string, string> {
  const claims = new Map<string, string>()
  for (const pair of pairs) {
    const [, name = '', path = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? []
    if (!isClaimName(name) || name.startsWith('x-hasura-') || path === '' || claims.has(name))
      throw new ImportError(
        'usage',
        `--claim ${JSON.stringify(pair)} must be name=member: a name once, in lower-case letters, digits, - and _, without x-hasura- and not reserved for roles; and the column, or the path of the member.`,
      )
    claims.set(name, path)
  }
  return claims
}

function refuseOptions(choices: SourceChoices, names: (keyof SourceChoices)[], reason: string): void {
  for (const name of names)
    if (choices[name] !== undefined) {
      const option = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      throw new ImportError('usage', `--${option} is ${reason}.`)
    }
}

async function openFileUsers(
  path: string,
  source: FileSource,
  claims: Map<string, string>,
  { rolesFrom, passwords, hashConfig, withoutPasswords = false }: SourceChoices,
  config: Config,
  now: number,
): Promise<OpenUsers> {
  const file = await openTextFile(path)
  try {
    const users = {
      source,
      file,
      format: await findFormat(source, file),
      options: {
        withoutPasswords,
        now,
        ...(passwords !== undefined && { passwords: await readPasswords(passwords) }),
        ...(hashConfig !== undefined && { hashConfig: parseHashConfig(await readSmallFile(hashConfig)) }),
      },
      choices: { claims, values: config.roles.claimsValues, rolesFrom },
    }
    const seen = await surveyFile(users)
    return {
      isForeign: true,
      remarks: [
        ...(source.remark?.(seen, pathsOf(users.choices)) ?? []),
        ...seen.missing.map((path) => `No user has the member ${path}, which --claim or --roles-from names.`),
      ],
      count: async () => seen.rows,
      pages: (size) => readFileUsers(users, seen, size),
      close: file.close,
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Reads the password hashes of Auth0 by user id. Throws ImportError for another file. */
async function readPasswords(path: string): Promise<Map<string, string>> {
  const file = await openTextFile(path)
  try {
    const hashes = new Map<string, string>()
    for await (const row of readRows(file.read(), 'lines')) {
      try {
        if ('fault' in row) throw new Error(row.fault)
        const { id, hash } = readAuth0Password(row.value)
        if (hash !== null) hashes.set(id, hash)
      } catch (cause) {
        throw new ImportError(
          'layout',
          `The file of --passwords is not an export of password hashes of Auth0: ${row.place} has no _id.`,
          cause,
        )
      }
    }
    return hashes
  } finally {
    await file.close()
  }
}

async function readSmallFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new ImportError('file', `The file of --hash-config cannot be read (${code}).`, cause)
  }
}

async function openDatabaseUsers(
  url: string,
  layout: Layout,
  claims: Map<string, string>,
  config: Config,
): Promise<OpenUsers> {
  const source = await openSource(url, 'The source database')
  try {
    const queries = await findQueries(source, layout)
    await refuseSameDatabase(source, layout, config)
    const values = config.roles.claimsValues
    const addClaims = (user: SourceUser, row: unknown): SourceUser => {
      const notes = [...(user.notes ?? [])]
      return { ...user, claims: readClaims(row, { claims, values }, notes), notes }
    }
    return {
      isForeign: layout.isForeign === true,
      remarks: [],
      count: () => countUsers(source, queries),
      pages: (size) => readUsers(source, queries, size, claims.size === 0 ? undefined : addClaims),
      close: source.close,
    }
  } catch (error) {
    await source.close()
    throw error
  }
}

/**
 * Throws `sameDatabase` when the tables of the source are in the schema and database of the target. Runs before the
 * target is opened and migrated.
 */
async function refuseSameDatabase(source: Source, layout: Layout, config: Config): Promise<void> {
  if (config.databaseUrl === undefined) return
  const target = await openSource(config.databaseUrl, 'The database in DATABASE_URL')
  try {
    const [table = ''] = Object.keys(layout.columns)
    const [, sourceSchema = await source.schema()] = /^(\w+)\./.exec(table) ?? []
    if (
      sourceSchema === (await target.schema()) &&
      (await identifyDatabase(target)) === (await identifyDatabase(source))
    )
      throw new ImportError('sameDatabase', layout.sameDatabase)
  } finally {
    await target.close()
  }
}
