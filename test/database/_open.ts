import type { Logger } from 'pino'
import type { Connection } from '../../src/database/database.ts'
import { connectDatabase, type DatabaseSettings } from '../../src/database/open.ts'
import { updateDatabase } from '../../src/migrations/migrate.ts'

/** Connects to the database and migrates it. Throws when it cannot be reached, locked, adopted or migrated. */
export async function openDatabase(settings: DatabaseSettings, root: URL, log: Logger): Promise<Connection> {
  const connection = await connectDatabase(settings, root, log)
  try {
    await updateDatabase(connection, root, log)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}
