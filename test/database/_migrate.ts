import { migrate } from '../../src/database/migrate.ts'
import { connectServer } from '../../src/database/server.ts'
import { patience, root } from '../_app.ts'

// A process that migrates the database of its argument and prints what it applied.
const [url = ''] = process.argv.slice(2)
const connection = connectServer(url, () => {}, patience)
console.log(JSON.stringify(await migrate(connection, root)))
await connection.close()
