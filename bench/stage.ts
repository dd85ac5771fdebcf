import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bcrypt from 'bcrypt'
import { startPostgres } from '../test/_postgres.ts'
import { createPost, type Post } from './load.ts'
import { here, type Started, startGateway, startLimit, stop } from './process.ts'
import { seed, users } from './seed.ts'

/** The length of a round in seconds, and the number of rounds. */
export type Effort = { seconds: number; rounds: number }

/** A gateway, with functions to send requests. */
export type Asked = Started & { base: string; post: Post; login: () => ReturnType<Post> }

/** A database with many users, and gateways of one build on it. */
export type Site = {
  databaseUrl: string
  /** Starts a gateway with additional variables. */
  start(more?: Record<string, string>): Promise<Asked>
  stop(started: Started): Promise<void>
}

/** Sites on one PostgreSQL server, and what their gateways share. */
export type Ground = {
  postgresVersion: string
  sites: Site[]
  /** The signing key of all gateways. */
  pem: string
  /** The hash of every user's password. */
  hash: string
  startLimit(site: Site): Promise<Asked>
}

/** The running programs, on one PostgreSQL server with many users. */
export type Stage = Effort &
  Omit<Ground, 'sites' | 'startLimit'> &
  Site & {
    /** The gateway with default settings. */
    gateway: Asked
    /** A gateway without rate limits and webhook cache, as the limit has none. */
    bare: Asked
    limit: Asked
  }

/** The password of every user. */
export const password = 'correct horse'

// Rate limits count, but must not reject the load, which comes from one address. A busy machine may make the database
// slow.
export const plenty = {
  AUTH_DATABASE_TIMEOUT: '60',
  AUTH_SIGNUP_ATTEMPTS: '1000000',
  AUTH_REFRESH_ATTEMPTS: '1000000',
  AUTH_ADDRESS_FAILURES: '1000000',
  AUTH_HASH_PER_ADDRESS: '1000',
}

/** The settings of a gateway that does no more than the limit. */
export const withoutMemory = { AUTH_RATE_LIMIT: 'off', AUTH_WEBHOOK_CACHE: '0' }

/** Starts database and programs for `play`, with files in `folder`, and always stops them. */
export async function withStage(
  folder: string,
  effort: Effort,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  await withGround(folder, [here('../src/main.js')], async ({ sites, startLimit, ...ground }) => {
    const [site] = sites as [Site]
    const gateway = await site.start()
    const bare = await site.start(withoutMemory)
    const limit = await startLimit(site)
    await play({ ...effort, ...ground, ...site, gateway, bare, limit })
  })
}

/** Starts a PostgreSQL server with a filled database for each program, and always stops the server and all gateways. */
export async function withGround(
  folder: string,
  programs: readonly string[],
  play: (ground: Ground) => Promise<void>,
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
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const keyPath = join(folder, 'bench.pem')
    writeFileSync(keyPath, pem)
    const env = {
      ...plenty,
      // The issuer of tokens, which would differ with the port.
      AUTH_PUBLIC_URL: 'http://localhost:8080',
      AUTH_PRIVATE_KEY: pem,
      PORT: '0',
      HOST: '127.0.0.1',
    }
    const hash = await bcrypt.hash(password, 10)
    const sites: Site[] = []
    for (const [number, program] of programs.entries()) {
      const databaseUrl = await postgres.createDatabase(`bench${number}`)
      const start = async (more: Record<string, string> = {}) =>
        asked(await startGateway(folder, { ...env, DATABASE_URL: databaseUrl, ...more }, program))
      await end(await start())
      await seed(databaseUrl, hash)
      sites.push({ databaseUrl, start, stop: end })
    }
    await play({
      ...{ postgresVersion: postgres.version, sites, pem, hash },
      startLimit: async ({ databaseUrl }) => asked(await startLimit(folder, databaseUrl, keyPath)),
    })
  } finally {
    for (const started of running) await stop(started)
    await postgres.stop()
  }
}
