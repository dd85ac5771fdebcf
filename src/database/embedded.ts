import { setFlagsFromString } from 'node:v8'
import type { PGlite } from '@electric-sql/pglite'
import { dataDirOf, exists, makePrivate, requireSameMajor } from './data-directory.ts'
import type { Connection, Statement } from './database.ts'
import type { DirectoryLock } from './directory-lock.ts'
import { createEngine, type Engine } from './engine.ts'
import { createEngineAdapter } from './engine-adapter.ts'
import { createEngineClient } from './engine-client.ts'
import { createEngineServer } from './engine-server.ts'
import { untilNull } from './exclusive.ts'
import { greet, lockOrJoin, refuse } from './join.ts'
import { listenEmbedded } from './listener.ts'
import { createSchema } from './schema.ts'
import { unpackSnapshot } from './snapshot.ts'

/** The options of `openEmbedded`. */
export type EmbeddedOptions = {
  /** True for a gateway, which serves the commands; false for a command. */
  isGateway?: boolean
  /** The version of program and schema, which a gateway and its commands share. */
  release?: string
  /** Receives a sentence about a lock that does not hold for other containers. */
  warn?: (text: string) => void
  /** The time in milliseconds that a command waits for a starting gateway, or for another command. */
  patience?: number
}

/**
 * Opens the embedded database under `directory`, which is created with mode 0700 when it is missing. A new database is
 * unpacked from `snapshot`, which the build made. A command uses the database of a running gateway.
 * Throws when another process has the directory open, because two processes would lose writes. Throws when the
 * directory has files of other programs, an incomplete database, or one of another major version of PostgreSQL.
 */
export async function openEmbedded(
  directory: string,
  snapshot: URL,
  { isGateway = false, release = '', warn = () => {}, patience = 15_000 }: EmbeddedOptions = {},
): Promise<Connection> {
  await makePrivate(directory)
  const holder = await lockOrJoin(directory, isGateway, release, patience)
  if ('join' in holder) return connectEmbedded(createEngineClient(holder.first, holder.join))
  const { lock } = holder
  try {
    if (lock.elsewhere)
      warn(
        `the file system of ${directory} has no sockets, so its lock is in ${lock.elsewhere}; let no other container use the directory`,
      )
    if (!isGateway) lock.serve(refuse(release))
    const dataDir = dataDirOf(directory)
    if (await exists(dataDir)) await requireSameMajor(dataDir, snapshot)
    else await unpackSnapshot(snapshot, dataDir)
    const engine = createEngine(await createPglite(dataDir))
    if (isGateway) lock.serve(greet(release, createEngineServer(engine)))
    return connectEmbedded(engine, lock)
  } catch (error) {
    await lock.unlock()
    throw error
  }
}

/**
 * Opens PGlite on a data directory so that a gateway runs under 512 MiB. PostgreSQL gets 16 MB of shared buffers
 * instead of 128 MB. On Node 24, V8 does not optimise the WebAssembly, because that takes 500 MiB there. On the other
 * lines it takes 60 MiB and makes a refresh a fifth faster. The V8 flags hold for the whole process.
 */
export async function createPglite(dataDir: string): Promise<PGlite> {
  if (process.versions.node.startsWith('24.'))
    for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag)
  const { PGlite } = await import('@electric-sql/pglite')
  return PGlite.create({
    dataDir,
    startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'],
  })
}

/** Returns the embedded database as a connection, which holds the lock until it is closed. */
export function connectEmbedded(
  engine: Engine,
  lock?: Pick<DirectoryLock, 'disconnect' | 'unlock'>,
): Connection {
  const { schema, qualify } = createSchema(async () => 'public')
  const queryOn =
    (from: Pick<Engine, 'query'>): Connection['query'] =>
    async <Row>({ text }: Statement, values: readonly unknown[]) =>
      (await from.query<Row>(await qualify(text), values)).rows
  const query = queryOn(engine)
  return {
    schema,
    qualify,
    adapter: createEngineAdapter(engine),
    query,
    queryApart: query,
    exclusively: engine.exclusively,
    transact: (work) =>
      engine.exclusively(() =>
        untilNull(() =>
          engine.transaction((transaction) =>
            work({
              schema,
              qualify,
              query: queryOn(transaction),
              execute: async (script) => void (await transaction.exec(script)),
            }),
          ),
        ),
      ),
    listen: (channel, subscriber) => listenEmbedded(engine, channel, subscriber),
    close: async () => {
      // The transactions of other processes end first.
      lock?.disconnect()
      await engine.close()
      await lock?.unlock()
    },
  }
}
