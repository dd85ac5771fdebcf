import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureAgainst } from './against.ts'
import { compareWorkers, measureBesideLogins, measureBurst } from './beside.ts'
import { passwordCases, requestCases } from './cases.ts'
import { compare, median } from './compare.ts'
import { type Options, readOptions } from './options.ts'
import { residentMiB } from './process.ts'
import { measureReplicas } from './replicas.ts'
import { users } from './seed.ts'
import { measureSize } from './size.ts'
import { type Stage, withStage } from './stage.ts'
import { addUsersWithRoles, measureWebhook } from './webhook.ts'
import { measureUsers } from './webhook-users.ts'

// Measures the product and its limit in alternating rounds of one run, so that other load on the machine affects both.

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
  await measureBesideLogins(stage)
  await stage.stop(stage.bare)
  await compareWorkers(stage)
  await measureBurst(stage)
  const loadedMiB = residentMiB(gateway)
  await stage.stop(gateway)
  console.log(`start to first answer: ${(await measureStart(stage)).toFixed(0)} ms (≤ 1500)`)
  console.log(
    `resident: ${stage.idleMiB.toFixed(0)} MiB idle (≤ 130), ${loadedMiB.toFixed(0)} MiB after the load`,
  )
}

/** Returns the milliseconds from the start of a process to its first answer, on an existing database. */
async function measureStart(stage: Stage): Promise<number> {
  const starts: number[] = []
  for (let round = 0; round < stage.rounds; round++) {
    const again = await stage.start()
    await fetch(`${again.base}/jwks`)
    starts.push(performance.now() - again.beganAt)
    await stage.stop(again)
  }
  return median(starts)
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
