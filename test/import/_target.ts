import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import { pino } from 'pino'
import { openDatabase } from '../../src/database/open.ts'
import { createServerDatabase, root } from '../_app.ts'
import { connectPostgres } from '../_postgres.ts'

let template: Promise<string> | undefined

/** A new, empty database of the gateway on the server, migrated once and then copied. */
export async function createTarget(): Promise<string> {
  template ??= createTemplate()
  const url = await template
  return (await connectPostgres(url.replace(/[^/]*$/, 'postgres'))).createDatabase(
    `target_${randomUUID().replaceAll('-', '')}`,
    basename(url),
  )
}

async function createTemplate(): Promise<string> {
  const databaseUrl = await createServerDatabase()
  const connection = await openDatabase({ databaseUrl, dataDir: '' }, root, pino({ level: 'silent' }))
  await connection.close()
  return databaseUrl
}
