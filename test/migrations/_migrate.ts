import { connectServer } from '../../src/database/postgres.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { patience, root } from '../_app.ts'

// A process that migrates the database of its argument and prints the applied migrations.
const [url = ''] = process.argv.slice(2)
const connection = connectServer(url, () => {}, patience)
console.log(JSON.stringify(await migrate(connection, root)))
await connection.close()
