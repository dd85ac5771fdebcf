import { mkdir, rm, writeFile } from 'node:fs/promises'
import { describeTables, metadataRoles } from '../src/hasura/metadata-tables.ts'
import { createActionsGraphql } from '../src/hasura/schema-language.ts'
import { createActionsYaml, toFiles } from './metadata-files.ts'

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
