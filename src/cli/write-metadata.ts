import { mkdir, rm, writeFile } from 'node:fs/promises'
import { toFiles } from '../hasura/files.ts'
import { describeTables, metadataRoles } from '../hasura/tables.ts'

const folder = new URL('../../../hasura/', import.meta.url)
await rm(new URL('metadata/databases/', folder), { recursive: true, force: true })
for (const [path, text] of toFiles(describeTables(metadataRoles))) {
  const file = new URL(path, folder)
  await mkdir(new URL('./', file), { recursive: true })
  await writeFile(file, text)
}
console.log('Wrote hasura/metadata and hasura/bulk.json')
