import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

/**
 * Packages that stay in node_modules: native code, WebAssembly and data that they read beside their files, and packages
 * that the gateway loads only when it needs them.
 */
const external = [
  '@electric-sql/pglite',
  '@node-rs/argon2',
  '@opentelemetry/*',
  '@prisma/client',
  '@zxcvbn-ts/language-common',
  'bcrypt',
  'graphql',
  'iconv-lite',
  'openid-client',
  'pg-native',
  'pglite-prisma-adapter',
  'prom-client',
  'undici',
]

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
const bundles = join(dist, 'bundles')
const week = 7 * 24 * 3600 * 1000
const providers = (await readdir(join(dist, 'providers')))
  .filter((name) => name.endsWith('.js'))
  .map((name) => `providers/${name}`)

/** The media types of requests and answers. Koa would load a table of 2,500, with an object for each. */
const mediaTypes =
  /^(?:application\/(?:(?:\w+\+)?json|xml|x-www-form-urlencoded)|image\/(?:png|svg\+xml)|multipart\/form-data|text\/(?:css|html|javascript|plain))$/

const fewMediaTypes: Plugin = {
  name: 'few-media-types',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]mime-db[\\/]db\.json$/ }, async ({ path }) => {
      const all = Object.entries(JSON.parse(await readFile(path, 'utf8')))
      const used = Object.fromEntries(all.filter(([type]) => mediaTypes.test(type)))
      return { contents: JSON.stringify(used), loader: 'json' }
    }),
}

/** The programs that the gateway starts, and the modules that commands and gateway share. */
const entries = ['src/main.js', 'src/process/serve.js', 'src/errors.js']

/**
 * Makes bundles of the gateway: each has the code that it imports, packages included, and the code of several bundles is
 * once in `src/chunks`. The gateway then starts with 45 files in place of 500. Code behind `import()` stays apart. The
 * commands and the tests use the files in `dist/src`.
 */
const { outputFiles } = await build({
  absWorkingDir: dist,
  // `serve` and the errors are bundles of their own, because the command `claimgate serve` imports both.
  entryPoints: [...entries, 'src/authentication/hash-thread.js', ...providers],
  // A folder at the depth of the final one, so that the source maps have the right paths.
  outdir: join(bundles, 'new'),
  outbase: dist,
  write: false,
  chunkNames: 'src/chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external,
  plugins: [fewMediaTypes],
  // Bundled CommonJS packages require modules of Node.js.
  banner: {
    js: `import { createRequire as createRequireHere } from 'node:module'
const require = createRequireHere(import.meta.url)
class NoResponse {}`,
  },
  // Koa and node-postgres only ask whether a value is a Response. The question would load Node's fetch: four megabytes.
  define: { Response: 'NoResponse' },
  // Lines stay, so that a stack trace without the source maps can be read.
  minifySyntax: true,
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
})

const files = outputFiles.map(({ path, text }) => ({
  path: relative(join(bundles, 'new'), path),
  // One character outside of Latin-1 doubles the memory of the whole text in V8. esbuild escapes no characters of tagged
  // templates, regular expressions and comments.
  text: path.endsWith('.js') ? text.replace(/[^\0-\x7f]/g, escapeUnit) : text,
}))
const id = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16)
await keepLast()
await writeBundles(join(bundles, id))
for (const entry of entries) await lead(entry)
await removeOld()

/** Writes the bundles into a folder of their own, which never changes: a running gateway may load files of it later. */
async function writeBundles(folder: string): Promise<void> {
  const unfinished = `${folder}.${process.pid}`
  for (const { path, text } of files) {
    await mkdir(dirname(join(unfinished, path)), { recursive: true })
    await writeFile(join(unfinished, path), text)
  }
  await rename(unfinished, folder).catch(async (error) => {
    await rm(unfinished, { recursive: true })
    // The same bundles may be there from an earlier build.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
  await utimes(folder, new Date(), new Date())
}

/** Renews the time of the bundles of the last build: gateways may have started with them until now. */
async function keepLast(): Promise<void> {
  const folders = (await readdir(bundles).catch(() => [])).map((name) => join(bundles, name))
  const times = await Promise.all(folders.map(async (path) => ({ path, time: (await stat(path)).mtimeMs })))
  const last = times.sort((a, b) => b.time - a.time)[0]
  if (last) await utimes(last.path, new Date(), new Date())
}

/** Lets the compiled file of an entry load the bundle. */
async function lead(entry: string): Promise<void> {
  const target = relative(dirname(join(dist, entry)), join(bundles, id, entry)).replaceAll('\\', '/')
  const unfinished = join(dist, `${entry}.${process.pid}`)
  await writeFile(unfinished, `export * from '${target}'\n`)
  await rename(unfinished, join(dist, entry))
  await rm(join(dist, `${entry}.map`), { force: true })
}

/** Removes the bundles that another build replaced a week ago. Gateways that started before may still use the others. */
async function removeOld(): Promise<void> {
  for (const name of await readdir(bundles)) {
    const age = Date.now() - (await stat(join(bundles, name))).mtimeMs
    if (age > week) await rm(join(bundles, name), { recursive: true, force: true })
  }
}

/** Returns the escape of a UTF-16 unit. It means the same, except in `String.raw`. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
