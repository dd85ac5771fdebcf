import { createMigratedDatabase } from '../_app.ts'
import { type GatewayProcess, startProcess } from '../_process.ts'
import type { ExecutionContext } from '../_test.ts'
import { createFolder } from '../database/_databases.ts'

/** Returns an environment of two workers on a new database. */
export async function createEnvironment(): Promise<Record<string, string>> {
  return {
    DATABASE_URL: await createMigratedDatabase(),
    AUTH_SECRET: 'a secret that all the workers share 0123456789',
    AUTH_METRICS: 'true',
    AUTH_METRICS_PORT: '0',
    WEB_CONCURRENCY: '2',
  }
}

/** Starts two workers, which are stopped after the test. */
export async function startWorkers(t: ExecutionContext): Promise<GatewayProcess> {
  const gateway = await startProcess(await createEnvironment(), await createFolder(t))
  t.teardown(() => gateway.stop('SIGKILL'))
  return gateway
}

/** Returns the lines that have been logged so far. */
export function readLog(
  gateway: GatewayProcess,
): { pid: number; msg: string; event?: string; err?: { message: string } }[] {
  const lines = gateway.output().split('\n').slice(0, -1)
  return lines.filter((line) => line.startsWith('{"level"')).map((line) => JSON.parse(line))
}

/** Returns the processes that have answered requests so far. */
export function findWorkers(gateway: GatewayProcess): Set<number> {
  return new Set(
    readLog(gateway)
      .filter(({ msg }) => msg === 'request')
      .map(({ pid }) => pid),
  )
}

/** Requests a page that is logged, on a new connection, so that the workers take turns. */
export async function askAnew({ url }: GatewayProcess): Promise<number> {
  const response = await fetch(`${url}/providers`, { headers: { Connection: 'close' } })
  await response.arrayBuffer()
  return response.status
}
