import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, cp, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createMigratedDatabase, engines, root } from '../_app.ts'
import { startProcess, startupLine } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { secret } from '../hasura/_actions.ts'
import { startCollector } from '../observability/_collector.ts'
import { askAnew, findWorkers, readLog } from '../process/_workers.ts'

const parts = ['dist', 'pages', 'prisma', 'providers', 'scripts', 'src']
const files = [
  'package.json',
  'package-lock.json',
  'prisma.config.ts',
  'tsconfig.json',
  'tsconfig.build.json',
]

/** Copies the repository without its tests, as for the image, and lets the copy use the installed packages. */
async function copyRepository(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'claimgate-build-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const filter = (path: string) => !/[\\/]dist[\\/](?:test|bench|bundles|build\.(?:json|lock))$/.test(path)
  for (const part of [...parts, ...files])
    await cp(new URL(part, root), join(folder, part), { recursive: true, preserveTimestamps: true, filter })
  await symlink(fileURLToPath(new URL('node_modules', root)), join(folder, 'node_modules'), 'dir')
  return folder
}

/** Runs the build, with the variable that hosts set, and returns its output. */
const build = (cwd: string, ...args: string[]): Promise<string> => run(cwd, 'scripts/build.js', ...args)

async function run(cwd: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, NODE_ENV: 'production' }
  return (await promisify(execFile)(process.execPath, args, { cwd, env })).stdout
}

test('npm start builds only after a change, and a running gateway keeps its files through a build', async (t) => {
  t.timeout(400_000)
  const folder = await copyRepository(t)
  await writeFile(join(folder, 'src/stale.ts'), 'export const stale = true\n')
  t.regex(await build(folder, '--if-changed'), /Generated Prisma Client/)
  t.true(existsSync(join(folder, 'dist/src/stale.js')))
  t.is(await build(folder, '--if-changed'), '')
  // A new checkout of the same sources has other times.
  await utimes(join(folder, 'src/main.ts'), new Date(), new Date())
  t.is(await build(folder, '--if-changed'), '')
  const [first = ''] = await readdir(join(folder, 'dist/bundles'))

  const collector = await startCollector()
  t.teardown(() => collector.stop())
  const workers = engines.includes('server')
  const gateway = await startProcess(
    {
      AUTH_METRICS: 'true',
      AUTH_ACTION_SECRET: secret,
      AUTH_SECRET: 'a secret that both workers share 0123456789',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      ...(workers && { DATABASE_URL: await createMigratedDatabase(), WEB_CONCURRENCY: '2' }),
    },
    folder,
    startupLine,
    join(folder, 'dist/src/main.js'),
  )
  t.teardown(() => gateway.stop('SIGKILL'))

  // Code that loads late is broken in the next build.
  await rm(join(folder, 'src/stale.ts'))
  for (const path of ['src/hasura/remote-schema.ts', 'src/authentication/hash-thread.ts', 'src/main.ts'])
    await appendFile(join(folder, path), "\nthrow new Error('the next build')\n")
  await writeFile(join(folder, 'pages/docs.js'), 'the next build')
  // The gateway runs for longer than unused bundles are kept.
  const old = new Date(Date.now() - 8 * 24 * 3600 * 1000)
  await utimes(join(folder, 'dist/bundles', first), old, old)
  t.regex(await build(folder), /Generated Prisma Client/)
  t.false(existsSync(join(folder, 'dist/src/stale.js')))
  t.is((await readdir(join(folder, 'dist/bundles'))).length, 2)

  if (workers) {
    const isServedBy = async (count: number) => {
      t.is(await askAnew(gateway), 200)
      return findWorkers(gateway).size === count
    }
    await until(() => isServedBy(2))
    const [worker = 0] = findWorkers(gateway)
    process.kill(worker, 'SIGKILL')
    await until(() => readLog(gateway).some(({ event }) => event === 'worker.ended'))
    await until(() => isServedBy(3))
  }
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(gateway.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const password = { password: 'correct horse', confirmPassword: 'correct horse' }
  t.is((await post('/signup', { username: 'anna', ...password })).status, 200)
  t.is((await post('/login', { username: 'anna', password: 'correct horse' })).status, 200)
  const query = { query: '{ __schema { queryType { name } } }' }
  t.is((await post('/graphql', query, { 'X-Action-Secret': secret })).status, 200)
  for (const path of ['/signin', '/signup', '/docs', '/docs.css', '/openapi.json', '/metrics'])
    t.is((await fetch(gateway.url + path, { headers: { Accept: 'text/html' } })).status, 200, path)
  // The new worker has read the new file.
  if (!workers) t.notRegex(await (await fetch(`${gateway.url}/docs.js`)).text(), /the next build/)
  t.is((await gateway.stop()).code, 0)

  // The next start is of the next build.
  await t.throwsAsync(startProcess({}, folder, startupLine, join(folder, 'dist/src/main.js')), {
    message: /the next build/,
  })
  // Bundles that were replaced a week ago are removed.
  await utimes(join(folder, 'dist/bundles', first), old, old)
  await build(folder)
  t.is((await readdir(join(folder, 'dist/bundles'))).length, 1)
  t.false(existsSync(join(folder, 'dist/bundles', first)))
})

test('two builds at once wait for each other, and a build that was killed keeps no other waiting', async (t) => {
  t.timeout(400_000)
  const folder = await copyRepository(t)
  const ended = spawnSync(process.execPath, ['--version']).pid
  await writeFile(join(folder, 'dist/build.lock'), String(ended))
  const [first, second] = await Promise.all([build(folder), build(folder, '--if-changed')])
  // The start needs no build of its own when the other build was first.
  t.regex(first + second, /Generated Prisma Client/)
  t.false(existsSync(join(folder, 'dist/build.lock')))
  t.is((await readdir(join(folder, 'dist/bundles'))).length, 1)
  const gateway = await startProcess({}, folder, startupLine, join(folder, 'dist/src/main.js'))
  t.is((await gateway.stop()).code, 0)
})

test('all packages that a build needs are dependencies, because NODE_ENV=production leaves out the others', async (t) => {
  const { devDependencies } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))
  const { include } = JSON.parse(await readFile(new URL('tsconfig.build.json', root), 'utf8'))
  const needed = new Set(['prisma', 'typescript', '@types/node'])
  for (const entry of include as string[])
    for (const path of entry.endsWith('.ts') ? [entry] : await listSources(entry))
      for (const [, name = ''] of (await readFile(new URL(path, root), 'utf8')).matchAll(
        /^(?:import|export)\b(?:[^'"=()]*\bfrom)?\s*'((?:@[\w-]+\/)?[\w-]+)/gm,
      ))
        needed.add(name)
  t.true(needed.has('koa') && needed.has('esbuild'))
  const missing = [...needed]
    .flatMap((name) => [name, `@types/${name}`])
    .filter((name) => name in devDependencies)
  t.deepEqual(missing, [])
})

async function listSources(folder: string): Promise<string[]> {
  const names = await readdir(new URL(folder, root), { recursive: true })
  return names.filter((name) => /\.ts$/.test(name)).map((name) => `${folder}/${name}`)
}
