import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the URL of every file of which processes with this NODE_V8_COVERAGE have run code, each once. */
export async function readFiles(coverage: string): Promise<string[]> {
  const texts = await Promise.all(
    (await readdir(coverage)).map((name) => readFile(join(coverage, name), 'utf8')),
  )
  const urls = texts.flatMap((text) => [...text.matchAll(/"url":"(file:[^"]*)"/g)].map(([, url = '']) => url))
  return [...new Set(urls)]
}

/** Returns the files of `readFiles`, with the files that a bundle was made of in its place. */
export async function readLoaded(coverage: string): Promise<string[]> {
  const files = await Promise.all((await readFiles(coverage)).map(sourcesOf))
  return [...new Set(files.flat())]
}

/** Returns the sources of a bundle by its source map, and of another file the file itself. */
async function sourcesOf(url: string): Promise<string[]> {
  if (!/\/dist\/(?:src|providers|bundles)\//.test(url)) return [url]
  const map = await readFile(new URL(`${url}.map`), 'utf8').catch(() => null)
  // A compiled file that only leads to its bundle has no map.
  if (map === null) return [url]
  const { sources } = JSON.parse(map) as { sources: string[] }
  const isBundle = url.includes('/bundles/') || sources.length !== 1
  return isBundle ? sources.map((source) => new URL(source, url).href) : [url]
}

/** Returns the packages that these files belong to. */
export function packagesOf(urls: readonly string[]): Set<string> {
  const found = urls.map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [])
  return new Set(found.flat())
}
