import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectPostgres, startPostgres } from '../test/_postgres.ts'
import { secret } from '../test/import/_command.ts'
import { fillMany, layoutOf, query, type SourceName } from '../test/import/_sources.ts'

// node dist/bench/import.js: time and peak memory of imports, each in a separate process.

const sizes = (process.env.BENCH_USERS ?? '10000,100000').split(',').map(Number)
const names: readonly SourceName[] = ['seed', 'hasura-backend-plus', 'hasura-auth']

/** Runs one import to its end. Throws when a user was not imported. */
function run(args: string[], env: Record<string, string>): Promise<{ seconds: number; peakMiB: number }> {
  const main = fileURLToPath(new URL('../test/import/_main.js', import.meta.url))
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, ...secret, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const started = performance.now()
  let peakMiB = 0
  let output = ''
  const watch = setInterval(() => {
    const status = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
    if (status) peakMiB = Number(status[1]) / 1024
  }, 50)
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      clearInterval(watch)
      if (code === 0) resolve({ seconds: (performance.now() - started) / 1000, peakMiB })
      else reject(new Error(`import ended with ${code}: ${output}`))
    })
  })
}

const postgres = await startPostgres({
  settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
})
const folder = await mkdtemp(join(tmpdir(), 'claimgate-bench-'))
try {
  const server = await connectPostgres(postgres.url)
  console.log('| source | users | target | run | seconds | users per second | peak MiB |')
  console.log('| --- | --- | --- | --- | --- | --- | --- |')
  for (const name of names) {
    for (const size of sizes) {
      const source = await server.createDatabase(`${name}_${size}`)
      await query(source, layoutOf(name))
      await query(source, fillMany(name, size))
      const targets = {
        server: { DATABASE_URL: await server.createDatabase(`target_${name}_${size}`) },
        embedded: { AUTH_DATA_DIR: join(folder, `${name}-${size}`) },
      }
      for (const [target, env] of Object.entries(targets)) {
        for (const [kind, flags] of [
          ['dry run', ['--dry-run']],
          ['first', []],
          ['second', []],
        ] as const) {
          const { seconds, peakMiB } = await run([name, source, ...flags], env)
          console.log(
            `| ${name} | ${size} | ${target} | ${kind} | ${seconds.toFixed(1)} | ${(size / seconds).toFixed(0)} | ${peakMiB.toFixed(0)} |`,
          )
        }
      }
    }
  }
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}
