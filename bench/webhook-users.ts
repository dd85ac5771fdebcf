import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcrypt'
import { startPostgres } from '../test/_postgres.ts'
import { createPost } from './load.ts'
import { type Started, startGateway, startLimit, stop } from './process.ts'
import { seed } from './seed.ts'
import { type Effort, password } from './stage.ts'
import { addUsersWithRoles, measureWebhook } from './webhook.ts'

const sizes = (process.env.BENCH_USERS ?? '1000,100000,1000000').split(',').map(Number)

/** Measures `/webhook` with databases of different sizes; a thousand users send requests in turn. */
export async function measureUsers(folder: string, effort: Effort): Promise<void> {
  const keyPath = join(folder, 'bench.pem')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  writeFileSync(keyPath, pem)
  const hash = await bcrypt.hash(password, 10)
  const postgres = await startPostgres()
  const running: Started[] = []
  try {
    for (const size of sizes) {
      const databaseUrl = await postgres.createDatabase(`users${size}`)
      const env = { DATABASE_URL: databaseUrl, AUTH_PRIVATE_KEY: pem, PORT: '0', HOST: '127.0.0.1' }
      await stop(await startGateway(folder, env))
      await seed(databaseUrl, hash, size)
      const gateway = await startGateway(folder, env)
      running.push(gateway)
      const limit = await startLimit(folder, databaseUrl, keyPath)
      running.push(limit)
      const base = `http://127.0.0.1:${gateway.port}`
      const { token: example = '' } = await createPost(base)('/login', { username: 'bench0', password })
      const stage = { ...effort, gateway, limit, databaseUrl, pem, example }
      const anybody = 'SELECT id FROM "user" ORDER BY random() LIMIT 1000'
      const cases: Record<string, string> = { [`${size} users, 3 roles`]: anybody }
      if (size === sizes[0])
        for (const roles of [1, 10, 100])
          cases[`${roles} roles`] = await addUsersWithRoles(databaseUrl, roles)
      await measureWebhook(stage, cases)
      for (const started of running.splice(0)) await stop(started)
    }
  } finally {
    for (const started of running) await stop(started)
    await postgres.stop()
  }
}
