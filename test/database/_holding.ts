import { openEmbedded } from '../../src/database/embedded.ts'
import { snapshotUrl } from '../../src/database/open.ts'
import { root } from '../_app.ts'

// A command that opens `directory`, changes a role in a transaction, prints a line and goes on for ever.
const [directory = '', release = ''] = process.argv.slice(2)
const connection = await openEmbedded(directory, snapshotUrl(root), { release })
await connection.transact(async (transaction) => {
  await transaction.execute(`INSERT INTO role (name) VALUES ('unfinished')`)
  console.log('in a transaction')
  return new Promise<null>((resolve) => setTimeout(() => resolve(null), 1_000_000))
})
