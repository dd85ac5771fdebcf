import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createActionsYaml } from '../hasura/actions-yaml.ts'
import { toFiles } from '../hasura/files.ts'
import { createActionsGraphql } from '../hasura/sdl.ts'
import { describeTables, metadataRoles } from '../hasura/tables.ts'

const folder = new URL('../../../hasura/', import.meta.url)
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
