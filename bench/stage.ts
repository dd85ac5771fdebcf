import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcrypt'
import { startPostgres } from '../test/_postgres.ts'
import { createPost, type Post } from './load.ts'
import { residentMiB, type Started, startGateway, startLimit, stop } from './process.ts'
import { seed, users } from './seed.ts'

/** How long and how often to measure. */
export type Effort = { seconds: number; rounds: number }

/** A gateway, and how to ask it. */
export type Asked = Started & { base: string; post: Post; login: () => ReturnType<Post> }

/** What runs, on one PostgreSQL server with many users. */
export type Stage = Effort & {
  postgresVersion: string
  databaseUrl: string
  /** The key of all gateways, and what else they start with. */
  pem: string
  env: Record<string, string>
  /** The hash of everybody's password. */
  hash: string
  /** The gateway as it is by default, and its memory before it was asked anything. */
  gateway: Asked
  idleMiB: number
  /** One that counts nothing against guessing and reads the roles every time, as the limits do. */
  bare: Asked
  limit: Asked
  /** Starts another gateway with these variables besides. */
  start(more?: Record<string, string>): Promise<Asked>
  stop(started: Started): Promise<void>
}

/** Everybody's password. */
export const password = 'correct horse'

// The limits count, as they do for everybody, but the one address of this load is not to meet them.
const plenty = {
  AUTH_SIGNUP_ATTEMPTS: '1000000',
  AUTH_REFRESH_ATTEMPTS: '1000000',
  AUTH_ADDRESS_FAILURES: '1000000',
}

/** Sets the stage in a folder for `play`, and clears it whatever happens. */
export async function withStage(
  folder: string,
  effort: Effort,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const postgres = await startPostgres({
    settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
  })
  const running = new Set<Started>()
  const asked = (started: Started): Asked => {
    running.add(started)
    const base = `http://127.0.0.1:${started.port}`
    const post = createPost(base)
    const login = () => post('/login', { username: `bench${Math.floor(Math.random() * users)}`, password })
    return { ...started, base, post, login }
  }
  const end = async (started: Started) => {
    for (const each of running) if (each.child === started.child) running.delete(each)
    await stop(started)
  }
  try {
    const databaseUrl = await postgres.createDatabase('bench')
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const keyPath = join(folder, 'bench.pem')
    writeFileSync(keyPath, pem)
    const env = { ...plenty, DATABASE_URL: databaseUrl, AUTH_PRIVATE_KEY: pem, PORT: '0', HOST: '127.0.0.1' }
    const start = async (more: Record<string, string> = {}) =>
      asked(await startGateway(folder, { ...env, ...more }))

    await end(await start())
    const hash = await bcrypt.hash(password, 10)
    await seed(databaseUrl, hash)
    const gateway = await start()
    const idleMiB = await new Promise<number>((resolve) =>
      setTimeout(() => resolve(residentMiB(gateway)), 2000),
    )
    const bare = await start({ AUTH_RATE_LIMIT: 'off', AUTH_WEBHOOK_CACHE: '0' })
    const limit = asked(await startLimit(folder, databaseUrl, keyPath))
    await play({
      ...effort,
      postgresVersion: postgres.version,
      databaseUrl,
      pem,
      env,
      hash,
      gateway,
      idleMiB,
      bare,
      limit,
      start,
      stop: end,
    })
  } finally {
    for (const started of running) await stop(started)
    await postgres.stop()
  }
}
