import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Connection } from '../../src/database/database.ts'
import { openEmbedded } from '../../src/database/embedded.ts'
import { snapshotUrl } from '../../src/database/open.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { createServerDatabase, type Engine, patience, root } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import type { ExecutionContext } from '../_test.ts'

/** Empty databases. The embedded database is the same each time, and is emptied: its tests are serial. */
export type EmptyDatabases = { open(): Promise<Connection>; close(): Promise<void> }

/** Creates empty databases of one engine, which stay open until `close`. */
export async function prepareEmpty(engine: Engine): Promise<EmptyDatabases> {
  return engine === 'server' ? prepareServer() : prepareEmbedded()
}

function prepareServer(): EmptyDatabases {
  const opened: Connection[] = []
  return {
    open: async () => {
      const connection = connectServer(await createServerDatabase(), () => {}, patience)
      opened.push(connection)
      return connection
    },
    close: async () => void (await Promise.all(opened.map((connection) => connection.close()))),
  }
}

async function prepareEmbedded(): Promise<EmptyDatabases> {
  const directory = await makeDirectory()
  const connection = await openEmbedded(directory, snapshotUrl(root))
  return {
    open: async () => {
      await emptySchema(connection)
      return connection
    },
    close: async () => {
      await connection.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Drops all objects of a database. */
export async function emptySchema(connection: Connection): Promise<void> {
  await execute(connection, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public')
}

/** Creates a folder, which is removed after the test. */
export async function createFolder(t: ExecutionContext): Promise<string> {
  const folder = await makeDirectory()
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Creates a root folder with a copy of `prisma/` to change. */
export async function copyRoot(t: ExecutionContext): Promise<URL> {
  const folder = await createFolder(t)
  await cp(fileURLToPath(new URL('prisma/', root)), join(folder, 'prisma'), { recursive: true })
  return pathToFileURL(`${folder}/`)
}

/** Writes a migration, and replaces a migration of the same name. */
export async function writeSql(root: URL, name: string, sql: string): Promise<void> {
  const folder = new URL(`prisma/migrations/${name}/`, root)
  await mkdir(folder, { recursive: true })
  await writeFile(new URL('migration.sql', folder), sql)
}

/** Runs one statement. */
export async function sql<Row = Record<string, unknown>>(
  connection: Connection,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return connection.query<Row>({ name: '', text }, values)
}

/** Runs a script of many statements as one transaction. */
export async function execute(connection: Connection, script: string): Promise<void> {
  await connection.transact(async (transaction) => {
    await transaction.execute(script)
    return null
  })
}
