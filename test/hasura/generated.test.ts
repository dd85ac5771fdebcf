import { readFile } from 'node:fs/promises'
import { createActionsYaml } from '../../scripts/metadata-files.ts'
import { objectTypes, operations } from '../../src/hasura/operations.ts'
import { createActionsGraphql } from '../../src/hasura/schema-language.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'

const read = (path: string) => readFile(new URL(path, root), 'utf8')

test('hasura/actions.graphql and actions.yaml equal the output of `npm run hasura:write`', async (t) => {
  t.is(await read('hasura/actions.graphql'), createActionsGraphql())
  t.is(await read('hasura/actions.yaml'), createActionsYaml())
})

test('no type of the actions and no action has the name of a table', async (t) => {
  const schema = await read('prisma/schema.prisma')
  const models = [...schema.matchAll(/^model (\w+)/gm)].map(([, name = '']) => name.toLowerCase())
  const tables = [...schema.matchAll(/@@map\("(\w+)"\)/g)].map(([, name = '']) => name)
  t.true(models.includes('user') && models.includes('session'))
  for (const name of [...Object.keys(objectTypes), ...Object.keys(operations)])
    t.false([...models, ...tables].includes(name.toLowerCase()), name)
})

test('only signed-in users may call me and changePassword', async (t) => {
  const parts = (await read('hasura/actions.yaml')).split('custom_types:')[0]?.split('\n  - name: ') ?? []
  const open = parts.filter((part) => part.includes('- role: anonymous')).map((part) => part.split('\n')[0])
  t.deepEqual(open, ['signup', 'login', 'refreshToken', 'exchangeCode', 'logout', 'providers'])
  t.is(parts.filter((part) => part.includes('- role: user')).length, Object.keys(operations).length)
})

test('every action forwards the client headers and names the variable of the secret, without its value', async (t) => {
  const text = await read('hasura/actions.yaml')
  const count = (part: string) => text.split(part).length - 1
  const all = Object.keys(operations).length
  t.is(count('forward_client_headers: true'), all)
  t.is(count('- name: X-Action-Secret\n          value_from_env: AUTH_ACTION_SECRET'), all)
  t.notRegex(text, /\bvalue:/)
})
