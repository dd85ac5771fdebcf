import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcrypt'
import { startPostgres } from '../test/_postgres.ts'
import { createPost, type Post } from './load.ts'
import { residentMiB, type Started, startGateway, startLimit, stop } from './process.ts'
import { seed, users } from './seed.ts'

/** The length of a round in seconds, and the number of rounds. */
export type Effort = { seconds: number; rounds: number }

/** A gateway, with functions to send requests. */
export type Asked = Started & { base: string; post: Post; login: () => ReturnType<Post> }

/** The running programs, on one PostgreSQL server with many users. */
export type Stage = Effort & {
  postgresVersion: string
  databaseUrl: string
  /** The signing key of all gateways; `env` is their environment. */
  pem: string
  env: Record<string, string>
  /** The hash of every user's password. */
  hash: string
  /** The gateway with default settings, and its memory before the first request. */
  gateway: Asked
  idleMiB: number
  /** A gateway without rate limits and webhook cache, as the limit has none. */
  bare: Asked
  limit: Asked
  /** Starts another gateway with additional variables. */
  start(more?: Record<string, string>): Promise<Asked>
  stop(started: Started): Promise<void>
}

/** The password of every user. */
export const password = 'correct horse'

// Rate limits count, but must not reject the load, which comes from one address.
export const plenty = {
  AUTH_SIGNUP_ATTEMPTS: '1000000',
  AUTH_REFRESH_ATTEMPTS: '1000000',
  AUTH_ADDRESS_FAILURES: '1000000',
  AUTH_HASH_PER_ADDRESS: '1000',
}

/** Starts database and programs for `play`, with files in `folder`, and always stops them. */
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
