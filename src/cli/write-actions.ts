import { writeFile } from 'node:fs/promises'
import { createActionsYaml } from '../hasura/actions-yaml.ts'
import { createActionsGraphql } from '../hasura/sdl.ts'

const folder = new URL('../../../hasura/', import.meta.url)
await writeFile(new URL('actions.graphql', folder), createActionsGraphql())
await writeFile(new URL('actions.yaml', folder), createActionsYaml())
