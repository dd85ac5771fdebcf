import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createActionsYaml, toFiles } from '../src/hasura/metadata-files.ts'
import { describeTables, metadataRoles } from '../src/hasura/metadata-tables.ts'
import { createActionsGraphql } from '../src/hasura/schema-language.ts'

const folder = new URL('../../hasura/', import.meta.url)
await rm(new URL('metadata/databases/', folder), { recursive: true, force: true })
const files: [path: string, text: string][] = [
  ...toFiles(describeTables(metadataRoles)),
  ['actions.graphql', createActionsGraphql()],
  ['actions.yaml', createActionsYaml()],
]
for (const [path, text] of files) {
  const file = new URL(path, folder)
  await mkdir(new URL('./', file), { recursive: true })
  await writeFile(file, text)
}
console.log('Wrote hasura/')
