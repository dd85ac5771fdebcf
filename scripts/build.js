import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Builds into `dist`. `npm run build` always builds; `npm start` builds only after a change (--if-changed), and without
// the tests. This file is JavaScript, because it runs before anything is compiled, also on Node.js 20.

process.chdir(fileURLToPath(new URL('../', import.meta.url)))

const sourceFolders = ['src', 'providers', 'prisma', 'scripts']
const sourceFiles = ['package.json', 'prisma.config.ts', 'tsconfig.json', 'tsconfig.build.json']
/** npm's list of the installed packages. A pruned installation has fewer packages, and the same build. */
const packageLock = 'package-lock.json'
const generated = join('src', 'database', 'generated')
const outputs = ['src', 'providers', 'bundles', 'snapshot'].map((name) => join('dist', name))
const stamp = join('dist', 'build.json')
/** The file of the running build, with its process id. */
const lock = join('dist', 'build.lock')

const isStart = process.argv.includes('--if-changed')
if (!(isStart && isCurrent())) {
  lockBuild()
  // Another build may have made this one meanwhile.
  if (!(isStart && isCurrent())) build()
}

/** Waits until no other build runs: two at once would mix their files. */
function lockBuild() {
  mkdirSync('dist', { recursive: true })
  let told = ''
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      process.on('exit', () => rmSync(lock, { force: true }))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') {
        // A full disk leaves an empty file.
        rmSync(lock, { force: true })
        throw error
      }
    }
    const owner = readOwner()
    if (owner !== '' && owner !== told && isRunning(owner)) {
      told = owner
      console.error(`Waiting for the build of process ${owner}. If there is none, remove ${lock}.`)
    }
    if (owner !== '' && !isRunning(owner) && owner === readOwner()) rmSync(lock, { force: true })
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
}

/** Returns the process id in the lock; empty before it is written, and after the build. */
function readOwner() {
  try {
    return readFileSync(lock, 'utf8')
  } catch {
    return ''
  }
}

/** Returns true for a process that runs, also one of another user. */
function isRunning(id) {
  try {
    process.kill(Number(id), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Returns true when sources and outputs are the ones of the last complete build. */
function isCurrent() {
  try {
    const { sources, built } = JSON.parse(readFileSync(stamp, 'utf8'))
    return sources === hashOf(listSources()) && built === hashOf(listOutputs())
  } catch {
    return false
  }
}

function build() {
  // The tests need the development packages, which an installation for production does not have.
  const withTests = !isStart && existsSync('test') && existsSync(join('node_modules', 'ava'))
  const sources = hashOf(listSources())
  rmSync(stamp, { force: true })
  run(join('node_modules', 'prisma', 'build', 'index.js'), ['generate'], { CHECKPOINT_DISABLE: '1' })
  const project = withTests ? 'tsconfig.json' : 'tsconfig.build.json'
  // A running gateway uses files in dist/bundles only. After an error of a type, the files of the last build stay.
  run(join('node_modules', 'typescript', 'bin', 'tsc'), ['--project', project, '--noEmitOnError'])
  for (const folder of withTests ? ['src', 'providers', 'scripts', 'test', 'bench'] : ['src', 'providers'])
    removeStale(folder)
  run(join('dist', 'scripts', 'build-snapshot.js'), [])
  run(join('dist', 'scripts', 'bundle.js'), [])
  chmodSync(join('dist', 'src', 'cli', 'main.js'), 0o755)
  writeFileSync(stamp, JSON.stringify({ sources, built: hashOf(listOutputs()) }))
}

/** Runs a program of Node.js, and ends this process when it fails. */
function run(program, args, env = {}) {
  if (!existsSync(program)) {
    console.error(`The build needs ${program}, which is missing. Run: npm ci`)
    process.exit(1)
  }
  const { status } = spawnSync(process.execPath, [program, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  if (status !== 0) process.exit(status ?? 1)
}

/** Removes the compiled files of sources that no longer exist. */
function removeStale(folder) {
  for (const path of listFiles(join('dist', folder))) {
    const source = path.slice('dist/'.length).replace(/\.js(?:\.map)?$/, '.ts')
    if (!existsSync(source)) rmSync(path)
  }
}

function listSources() {
  const files = sourceFolders.flatMap(listFiles).filter((path) => !path.startsWith(generated))
  return [...sourceFiles, packageLock, ...files]
}

function listOutputs() {
  return outputs.flatMap(listFiles)
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function hashOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths) {
    const content = readFileSync(path)
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}
