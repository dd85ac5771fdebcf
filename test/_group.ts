import ava, { type ExecutionContext, type TestFn } from 'ava'

type Run = (t: ExecutionContext, ...args: unknown[]) => unknown
type Declared = { flags: string[]; title: string; run: Run; args: unknown[] }
type Chain = { (...args: unknown[]): void; [flag: string]: unknown }
type Hook = { flags: string[]; run: Run; args: unknown[] }

type TestFile = {
  name: string
  tests: Declared[]
  hooks: Hook[]
  /** The outcome of its `before` hooks; they run ahead of its first test. */
  started?: Promise<void>
  left: number
  failed: boolean
}

const hookNames = ['before', 'beforeEach', 'after', 'afterEach']

let loading: TestFile | null = null
let grouped = false
const ends: (() => Promise<void>)[] = []

/** The `test` that collects the declarations of the file that is being loaded; null outside a group. */
export function declarations(): TestFn | null {
  return grouped ? (chain([]) as TestFn) : null
}

/** Runs a function after the last test of this worker, also after a failure. */
export function atEnd(run: () => Promise<void>): void {
  if (grouped) ends.push(run)
  else ava.after.always('the end of the worker', run)
}

/**
 * Runs test files one after the other in this worker, so that modules are loaded and compiled once for all of them.
 * Each file keeps its hooks: `before` runs ahead of its first test, `after` behind its last one. All tests are serial.
 * A title begins with the path of its file. `paths` are relative to this folder, without `.test.js`.
 */
export async function runGroup(paths: readonly string[]): Promise<void> {
  grouped = true
  const files: TestFile[] = []
  for (const path of paths) {
    loading = { name: path, tests: [], hooks: [], left: 0, failed: false }
    files.push(loading)
    await import(new URL(`${path}.test.js`, import.meta.url).href)
  }
  loading = null
  declareAll(files)
}

/** AVA wants all declarations in one turn of the event loop. */
function declareAll(files: readonly TestFile[]): void {
  const fileOf = new Map<string, TestFile>()
  for (const file of files) {
    for (const { flags, title, run, args } of inOrder(file.tests)) {
      // As AVA writes a title; the hooks find their file by it.
      const fullTitle = `${file.name} › ${title}`.trim().replaceAll(/\s+/g, ' ')
      fileOf.set(fullTitle, file)
      const declareTest = flags.reduce((fn, flag) => fn[flag] as Chain, ava.serial as unknown as Chain)
      declareTest(fullTitle, run, ...args)
      if (!flags.includes('skip')) file.left++
    }
  }
  ava.beforeEach('beforeEach', async (t) => {
    const file = findFile(fileOf, t, 'beforeEach')
    file.started ??= runHooks(file, t, ['before'])
    await file.started
    await runHooks(file, t, ['beforeEach'])
  })
  ava.afterEach.always('afterEach', async (t) => {
    const file = findFile(fileOf, t, 'afterEach')
    file.failed ||= !t.passed
    file.left--
    if (t.passed) await runHooks(file, t, ['afterEach'])
    await runHooks(file, t, ['afterEach', 'always'])
    if (file.left > 0) return
    if (!file.failed) await runHooks(file, t, ['after'])
    await runHooks(file, t, ['after', 'always'])
  })
  // With a selection of titles, the last test of a file may not run.
  ava.after.always('after', async (t) => {
    for (const file of files) if (file.started && file.left > 0) await runHooks(file, t, ['after', 'always'])
    for (const run of ends) await run()
  })
}

/** As AVA orders the tests of one file: those that are declared serial come first. */
function inOrder(tests: readonly Declared[]): Declared[] {
  const isSerial = ({ flags }: Declared) => flags.includes('serial')
  const all = [...tests.filter(isSerial), ...tests.filter((test) => !isSerial(test))]
  return all.map((test) => ({ ...test, flags: test.flags.filter((flag) => flag !== 'serial') }))
}

/** The title of a hook in AVA ends with the title of its test. */
function findFile(files: Map<string, TestFile>, t: ExecutionContext, hook: string): TestFile {
  const file = files.get(t.title.slice(`${hook} for `.length))
  if (!file) throw new Error(`No test file belongs to the hook "${t.title}".`)
  return file
}

async function runHooks(file: TestFile, t: ExecutionContext, wanted: readonly string[]): Promise<void> {
  for (const { flags, run, args } of file.hooks) {
    if (flags.length === wanted.length && wanted.every((flag) => flags.includes(flag))) await run(t, ...args)
  }
}

/** A function with the members of AVA's `test`, each of which adds its name to what is declared. */
function chain(flags: string[]): unknown {
  return new Proxy(() => {}, {
    get: (_target, flag: string) =>
      flag === 'macro' || flag === 'meta' ? ava[flag] : chain([...flags, flag]),
    apply: (_target, _this, args: unknown[]) => declare(flags, args),
  })
}

function declare(flags: string[], args: unknown[]): void {
  if (!loading) throw new Error('A test is declared while no test file is loaded.')
  const [title, run, ...rest] = typeof args[0] === 'string' ? args : ['', ...args]
  if (!flags.some((flag) => hookNames.includes(flag)))
    loading.tests.push({ flags, title: title as string, run: run as Run, args: rest })
  else if (!flags.includes('skip'))
    loading.hooks.push({ flags: flags.filter((flag) => flag !== 'serial'), run: run as Run, args: rest })
}
