import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { openEmbedded } from '../../src/database/embedded.ts'
import { root } from '../_app.ts'
import { type GatewayProcess, nodeFlags, runProcess, startProcess } from '../_process.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { createFolder } from './_databases.ts'

const credentials = { username: 'anna', password: 'correct horse', confirmPassword: 'correct horse' }

test.serial(
  'a second process on the same AUTH_DATA_DIR ends with 1 and says what to do; the first goes on',
  async (t) => {
    const folder = await createFolder(t)
    const first = await start(t, folder)
    const { code, stderr } = await runProcess({ AUTH_DATA_DIR: join(folder, 'data') }, folder)
    t.is(code, 1)
    t.regex(
      stderr,
      /^Claimgate did not start\. Another process is using the data directory .*AUTH_DATA_DIR.*DATABASE_URL/,
    )
    t.is(await post(first, '/signup', credentials), 200)
  },
)

test.serial('after kill -9 the next start gets the directory at once, with all data', async (t) => {
  const folder = await createFolder(t)
  const first = await start(t, folder)
  t.is(await post(first, '/signup', credentials), 200)
  await first.stop('SIGKILL')
  const second = await start(t, folder)
  const { username, password } = credentials
  t.is(await post(second, '/login', { username, password }), 200)
})

test.serial(
  'the data directory and its secret are private to their owner, also when the directory existed before',
  async (t) => {
    const folder = await createFolder(t)
    const data = join(folder, 'data')
    await mkdir(data)
    await chmod(data, 0o755)
    const { stop } = await start(t, folder)
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777
    t.is(await modeOf(data), 0o700)
    t.is(await modeOf(join(data, 'secret')), 0o600)
    await stop()
    t.deepEqual((await readdir(data)).sort(), ['pglite', 'secret'])
  },
)

test.serial(
  'a directory with files of other programs is rejected as AUTH_DATA_DIR, and stays unchanged, mode included',
  async (t) => {
    const folder = await createFolder(t)
    const data = join(folder, 'data')
    await mkdir(data)
    await writeFile(join(data, 'report.txt'), 'mine')
    await writeFile(join(data, 'secret'), 'mine too')
    await chmod(data, 0o755)
    const { code, stderr } = await runProcess({ AUTH_DATA_DIR: data }, folder)
    t.is(code, 1)
    t.regex(stderr, /^Claimgate did not start\. The directory .*data has other files in it.*AUTH_DATA_DIR/)
    t.is((await stat(data)).mode & 0o777, 0o755)
    t.deepEqual((await readdir(data)).sort(), ['report.txt', 'secret'])
    await rm(join(data, 'secret'))

    // The root of a volume has `lost+found`, which does not count.
    await rename(join(data, 'report.txt'), join(data, 'lost+found'))
    const { stop } = await start(t, folder)
    await stop()
    // Files that are added later do not prevent a start.
    await writeFile(join(data, 'README'), 'back this up')
    await (await start(t, folder)).stop()
    t.deepEqual((await readdir(data)).sort(), ['README', 'lost+found', 'pglite', 'secret'])
  },
)

// The names that appear in the data directory, in the order of a first start.
const steps = ['', 'lock', 'pglite.new', 'pglite', 'secret']
for (const name of steps)
  test.serial(
    `a first start that is killed when ${name || 'the data directory'} is made leaves a directory that the next start can use`,
    async (t) => {
      const folder = await killFirstStart(t, name)
      const next = await start(t, folder)
      t.is(await post(next, '/signup', credentials), 200)
      await next.stop()
      // The dead socket of a killed start may stay, and does no harm.
      const names = (await readdir(join(folder, 'data'))).filter((each) => !each.startsWith('lock-'))
      t.deepEqual(names.sort(), ['pglite', 'secret'])
    },
  )

/** Kills a first start as soon as its data directory has this name or, if it was there for a moment, a later one. */
async function killFirstStart(t: ExecutionContext, name: string): Promise<string> {
  const folder = await createFolder(t)
  const gateway = spawnGateway(t, folder)
  const ended = once(gateway, 'close')
  const later = steps.slice(steps.indexOf(name))
  const found = () => readdir(join(folder, 'data')).catch(() => null)
  await until(
    async () => !!(await found())?.concat('').some((each) => later.includes(each.replace(/-.*/, ''))),
  )
  gateway.kill('SIGKILL')
  await ended
  return folder
}

test('a first start that finds no snapshot says so, and leaves nothing that hinders the next one', async (t) => {
  const folder = await createFolder(t)
  const data = join(folder, 'data')
  const missing = pathToFileURL(join(folder, 'missing/'))
  await t.throwsAsync(openEmbedded(data, missing), { message: /snapshot .* is missing\. Run: npm run build/ })
  t.deepEqual(await readdir(data), [])
  const { close } = await openEmbedded(data, new URL('dist/snapshot/', root))
  await close()
})

// Mounts a file system of 20 MB, which needs root.
const canMount = process.platform === 'linux' && process.getuid?.() === 0
const mounting = canMount && spawnSync('unshare', ['-m', 'true']).status === 0 ? test : test.skip

mounting('a first start on a full disk names it, and starts when there is room', async (t) => {
  const folder = await createFolder(t)
  const main = fileURLToPath(new URL('dist/src/main.js', root))
  const script = `
    mount -t tmpfs -o size=20m tmpfs "$1" && cd "$1"
    node "$2"; echo "code $?"; ls -A data
    mount -o remount,size=200m "$1"
    timeout 100 node "$3" migrate`
  const cli = fileURLToPath(new URL('dist/src/cli/main.js', root))
  const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, PORT: '0', HOST: '127.0.0.1' }
  const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', folder, main, cli], {
    env,
    encoding: 'utf8',
  })
  t.regex(
    stderr,
    /^Claimgate did not start\. The data directory \S+ has no room for a new database.*AUTH_DATA_DIR/,
  )
  t.regex(stdout, /^code 1\nCreated a database/)
})

async function start(t: ExecutionContext, folder: string): Promise<GatewayProcess> {
  const gateway = await startProcess({ AUTH_DATA_DIR: join(folder, 'data') }, folder)
  t.teardown(() => gateway.stop('SIGKILL'))
  return gateway
}

function spawnGateway(t: ExecutionContext, folder: string): ChildProcess {
  const main = fileURLToPath(new URL('dist/src/main.js', root))
  const env = { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', AUTH_DATA_DIR: join(folder, 'data') }
  const child = spawn(process.execPath, [...nodeFlags, main], { cwd: folder, env, stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

async function post({ url }: GatewayProcess, path: string, body: unknown): Promise<number> {
  const headers = { 'Content-Type': 'application/json' }
  return (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).status
}

// Requires root, and a Node and a build that another user may read.
const asAnother = { uid: 65534, gid: 65534, cwd: '/' }
const canRunAsAnother =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, [fileURLToPath(new URL('dist/src/cli/main.js', root)), '--version'], asAnother)
    .status === 0
const another = canRunAsAnother ? test : test.skip

another(
  'a data directory that belongs to another user is named as the reason, with both users and the cure',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'claimgate-owner-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o755)
    const data = join(folder, 'data')
    await mkdir(data, { mode: 0o755 })
    const { code, stderr } = await runProcess({ AUTH_DATA_DIR: data }, folder, 65534)
    t.is(code, 1)
    t.true(stderr.includes(`${data} belongs to user 0, and this process runs as user 65534`), stderr)
    t.true(stderr.includes(`chown -R 65534 ${data}`), stderr)
    t.deepEqual(await readdir(data), [])
  },
)

another('a data directory that cannot be created is named as the reason', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'claimgate-owner-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const { code, stderr } = await runProcess({ AUTH_DATA_DIR: join(folder, 'data') }, folder, 65534)
  t.is(code, 1)
  t.regex(stderr, /User 65534 has no permission to create or write .*data\..*AUTH_DATA_DIR.*DATABASE_URL/)
})

test('a new database is writable for its owner, also when the installation is read-only', async (t) => {
  const folder = await createFolder(t)
  const snapshot = join(folder, 'snapshot')
  await cp(new URL('dist/snapshot/', root), snapshot, { recursive: true })
  for (const entry of await readdir(snapshot, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o555 : 0o444)
  const { close } = await openEmbedded(join(folder, 'data'), pathToFileURL(snapshot))
  await close()
  const entries = await readdir(join(folder, 'data'), { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const { mode } = await stat(join(entry.parentPath, entry.name))
    t.is(mode & 0o200, 0o200, entry.name)
  }
})

another('a volume of root that the group may write, as with fsGroup of Kubernetes, is used', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'claimgate-group-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const data = join(folder, 'data')
  await mkdir(data)
  await chown(data, 0, asAnother.gid)
  await chmod(data, 0o2770)
  const cli = fileURLToPath(new URL('dist/src/cli/main.js', root))
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [cli, ...args], {
      ...asAnother,
      env: { AUTH_DATA_DIR: data },
      encoding: 'utf8',
    })
  t.is(run('migrate').status, 0)
  t.is((await stat(data)).mode & 0o7777, 0o2770)
  // The next mount gives the group every file.
  spawnSync('chmod', ['-R', 'g+rwX', data])
  t.is(run('role', 'create', 'editor').stderr, '')
  t.is((await stat(join(data, 'pglite'))).mode & 0o777, 0o700)
  t.regex(run('role', 'list').stdout, /editor/)
  // Without the group, the directory is of another user.
  await chmod(data, 0o2750)
  t.regex(run('role', 'list').stderr, /belongs to user 0, and this process runs as user 65534/)
  // Where every user may write, another user could put a secret there.
  await chmod(data, 0o777)
  t.regex(run('role', 'list').stderr, /belongs to user 0, and this process runs as user 65534/)
  // The emptyDir of a pod.
  await chmod(data, 0o2777)
  t.regex(run('role', 'list').stdout, /editor/)
})

another('a user without a name in the system is told what to do', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'claimgate-unnamed-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const cli = fileURLToPath(new URL('dist/src/cli/main.js', root))
  const { stderr } = spawnSync(process.execPath, [cli, 'migrate'], {
    uid: 543210,
    gid: 543210,
    cwd: '/',
    env: { AUTH_DATA_DIR: join(folder, 'data') },
    encoding: 'utf8',
  })
  t.regex(stderr, /User 543210 has no permission to create .* or set AUTH_DATA_DIR/)
})
