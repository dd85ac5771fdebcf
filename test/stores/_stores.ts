import { rm } from 'node:fs/promises'
import { pino } from 'pino'
import { createDatabase, type Database } from '../../src/database/database.ts'
import { createIdentities, type Identities } from '../../src/stores/identities.ts'
import { createOneTimeCodes, type OneTimeCodes } from '../../src/stores/one-time-codes.ts'
import { createSessionList, type SessionList } from '../../src/stores/session-list.ts'
import { createSessions, type Sessions } from '../../src/stores/sessions.ts'
import { createSigningKeyStore, type SigningKeyStore } from '../../src/stores/signing-keys.ts'
import { createSweep } from '../../src/stores/sweep.ts'
import { createUsers, type Users } from '../../src/stores/users.ts'
import { createMigratedDatabase, type Engine, patience, root } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import { openDatabase } from '../database/_open.ts'

export type Stores = {
  database: Database
  users: Users
  identities: Identities
  sessions: Sessions
  sessionList: SessionList
  oneTimeCodes: OneTimeCodes
  sweep: ReturnType<typeof createSweep>
  signingKeys: SigningKeyStore
  sql<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Adds a user and returns the id. */
  addUser(username: string): Promise<string>
  close(): Promise<void>
}

/** How a user with a password has signed in. */
export const byPassword = { provider: 'local', amr: ['pwd'] }

/** In seconds: an hour without a refresh, a day in all. */
export const lifetimes = { idle: 3_600, absolute: 86_400 }

/** The greatest number of sessions of a user. */
export const perUser = 100

/** The time of the tests, in whole seconds like session times. */
export const now = new Date('2026-01-01T12:00:00Z')

export const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000)

/** Opens every store on a new, migrated database, or on the migrated database of `url`. */
export async function openStores(engine: Engine, url?: string): Promise<Stores> {
  const dataDir = await makeDirectory()
  const databaseUrl = url ?? (engine === 'server' ? await createMigratedDatabase() : undefined)
  const database = createDatabase(
    await openDatabase({ databaseUrl, databaseTimeout: patience, dataDir }, root, pino({ level: 'silent' })),
  )
  const users = createUsers(database)
  return {
    database,
    users,
    identities: createIdentities(database),
    sessions: createSessions(database, lifetimes, perUser),
    sessionList: createSessionList(database),
    oneTimeCodes: createOneTimeCodes(database),
    sweep: createSweep(database),
    signingKeys: createSigningKeyStore(database),
    sql: (text, values = []) => database.query({ name: '', text }, values),
    addUser: (username) => users.create({ username, password: 'hash', email: null }),
    close: async () => {
      await database.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Runs concurrent attempts; returns their values, and the codes of their errors. */
export async function attemptAll<T>(times: number, work: (number: number) => Promise<T>) {
  const settled = await Promise.allSettled(Array.from({ length: times }, (_, number) => work(number)))
  return {
    values: settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    codes: settled.flatMap((each) => (each.status === 'rejected' ? [each.reason.code as string] : [])),
  }
}
