import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureAgainst } from './against.ts'
import { measureBurst } from './burst.ts'
import { passwordCases, requestCases } from './cases.ts'
import { compare } from './compare.ts'
import { type Options, readOptions } from './options.ts'
import { measureReplicas } from './replicas.ts'
import { users } from './seed.ts'
import { measureSize } from './size.ts'
import { type Stage, withStage } from './stage.ts'
import { addUsersWithRoles, measureWebhook } from './webhook.ts'
import { measureUsers } from './webhook-users.ts'

// Measures the gateway and its limit, or two builds, in alternating rounds, so that other load affects both.

async function measureEverything(stage: Stage): Promise<void> {
  const { databaseUrl, gateway, rounds, seconds } = stage
  const machine = `${cpus()[0]?.model}, ${availableParallelism()} cores`
  console.log(`${machine}, Node ${process.version}, PostgreSQL ${stage.postgresVersion}`)
  console.log(`${users} users with 3 roles each; ${rounds} rounds of ${seconds} s, medians\n`)
  // Frequent requests first: logins are few per second, and code that has just been loaded is slow.
  await compare(rounds, [...(await requestCases(stage)), ...passwordCases(stage)])

  const cases: Record<string, string> = {}
  for (const roles of [1, 10, 100]) cases[`${roles} roles`] = await addUsersWithRoles(databaseUrl, roles)
  const { token: example = '' } = await gateway.login()
  await measureWebhook({ ...stage, example }, cases)

  console.log()
  await measureBurst(stage)
}

async function run(options: Options): Promise<void> {
  const { effort, only, against } = options
  const folder = mkdtempSync(join(tmpdir(), 'claimgate-bench-'))
  try {
    if (against !== undefined) await measureAgainst(folder, against, options)
    else if (only === 'users') await measureUsers(folder, effort)
    else if (only === 'replicas') await measureReplicas(folder)
    else if (only === 'size') await measureSize(folder, effort)
    else await withStage(folder, effort, measureEverything)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  await run(readOptions(process.argv.slice(2), process.env))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
