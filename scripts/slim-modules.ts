import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The files of packages that the gateway never loads, by their path in node_modules. */
const neverLoaded = [
  // Source maps, TypeScript sources and declarations.
  /\.map$/,
  /\.[cm]?ts$/,
  /^@types\//,
  // Prisma's query compilers for other databases and module systems: the client loads one of 20.
  /^@prisma\/client\/runtime\/(?:query_compiler_(?!small_bg\.postgresql\.(?:wasm-base64\.)?mjs$)|wasm-compiler-edge)/,
  // OpenTelemetry's builds for bundlers; Node loads build/src.
  /^@opentelemetry\/[^/]+\/build\/(?:esm|esnext)\//,
]

const [folder] = process.argv.slice(2)
if (!folder)
  throw new Error('FOLDER is missing. Usage: node slim-modules.js FOLDER (node_modules of an image)')
const paths = await readdir(folder, { recursive: true })
const removed = paths.filter((path) => neverLoaded.some((pattern) => pattern.test(path)))
await Promise.all(removed.map((path) => rm(join(folder, path), { recursive: true, force: true })))
