import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
  'pg-native',
  'pglite-prisma-adapter',
  'prom-client',
  'undici',
]

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
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

/**
 * Replaces some compiled files by bundles: each has the code that it imports, packages included, and the code of several
 * bundles is once in `dist/src/chunks`. The gateway then starts with 35 files in place of 500. Code behind `import()` stays
 * apart. The commands and the tests use the other files in `dist/src`.
 */
const { outputFiles } = await build({
  absWorkingDir: dist,
  // `serve` and the errors are bundles of their own, because the command `claimgate serve` imports both.
  entryPoints: [
    'src/main.js',
    'src/process/serve.js',
    'src/errors.js',
    'src/authentication/hash-thread.js',
    ...providers,
  ],
  outdir: dist,
  outbase: dist,
  allowOverwrite: true,
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

for (const { path, text } of outputFiles) {
  await mkdir(dirname(path), { recursive: true })
  // One character outside of Latin-1 doubles the memory of the whole text in V8. esbuild escapes no characters of tagged
  // templates, regular expressions and comments.
  await writeFile(path, path.endsWith('.js') ? text.replace(/[^\0-\x7f]/g, escapeUnit) : text)
}

/** Returns the escape of a UTF-16 unit. It means the same, except in `String.raw`. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
