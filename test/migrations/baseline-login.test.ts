import { rm } from 'node:fs/promises'
import bcrypt from 'bcrypt'
import { openEmbedded } from '../../src/database/embedded.ts'
import { snapshotUrl } from '../../src/database/open.ts'
import { connectServer } from '../../src/database/postgres.ts'
import {
  createServerDatabase,
  type Engine,
  engines,
  patience,
  root,
  startApp,
  type TestApp,
} from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import test from '../_test.ts'
import { emptySchema, execute } from '../database/_databases.ts'
import { anna, björn, carol, dora, seedRows, seedTables } from './_seed.ts'

// As a Mac types it and as the seed hashed it: decomposed, letters and accents apart.
const typed = 'crème brûlée'.normalize('NFD')
const chefRow = `insert into "user" ("username", "password") values ('chef', '${bcrypt.hashSync(typed, 4)}');`

for (const engine of engines) {
  let app: TestApp
  let dataDir: string
  test.before(`${engine}: start on a database of the seed`, async () => {
    dataDir = await makeDirectory()
    app = await startOnSeed(engine, dataDir)
  })
  test.after.always(`${engine}: stop`, async () => {
    await app?.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  test(`${engine}: the seed's users log in with their passwords and roles`, async (t) => {
    const [first, second] = [
      await app.login('anna', anna.password),
      await app.login('BJÖRN Ångström', björn.password),
    ]
    t.is(first.status, 200)
    t.is(first.body.id, anna.id)
    t.deepEqual(first.body.roles, ['Translator FR', 'editor', 'user'])
    t.is(second.status, 200)
    t.is(second.body.id, björn.id)
    t.is(second.body.username, 'Björn Ångström')
    const claims = await app.claimsOf(second.body.token)
    t.deepEqual(claims['x-hasura-allowed-roles'], ['editor', 'user'])
  })

  test(`${engine}: a seed user whose password was typed in decomposed form logs in with it`, async (t) => {
    t.is((await app.login('chef', typed)).status, 200)
    t.is((await app.login('chef', `${typed} `)).status, 401)
  })

  test(`${engine}: the seed's inactive users and wrong passwords are rejected`, async (t) => {
    for (const [username, password] of [
      [carol.username, carol.password],
      [dora.username, dora.password],
      [anna.username, björn.password],
    ] as const) {
      const { status, body } = await app.login(username, password)
      t.is(status, 401, username)
      t.like(body, { code: 'invalid_credentials' })
    }
  })

  test(`${engine}: a name of a seed user cannot be signed up again, in any case`, async (t) => {
    const password = 'long enough'
    const body = { username: 'Anna', password, confirmPassword: password }
    const answer = await app.post('/signup', body)
    t.is(answer.status, 409)
    t.is(answer.body.code, 'username_taken')
  })
}

async function startOnSeed(engine: Engine, dataDir: string): Promise<TestApp> {
  if (engine === 'embedded') {
    const connection = await openEmbedded(dataDir, snapshotUrl(root))
    await emptySchema(connection)
    await execute(connection, seedTables + seedRows + chefRow)
    await connection.close()
    return startApp({ engine, env: { AUTH_DATA_DIR: dataDir } })
  }
  const databaseUrl = await createServerDatabase()
  const connection = connectServer(databaseUrl, () => {}, patience)
  await execute(connection, seedTables + seedRows + chefRow)
  await connection.close()
  return startApp({ engine, databaseUrl })
}
