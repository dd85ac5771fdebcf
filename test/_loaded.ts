import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the URL of every file of which processes with this NODE_V8_COVERAGE have run code, each once. */
export async function readLoaded(coverage: string): Promise<string[]> {
  const texts = await Promise.all(
    (await readdir(coverage)).map((name) => readFile(join(coverage, name), 'utf8')),
  )
  const urls = texts.flatMap((text) => [...text.matchAll(/"url":"(file:[^"]*)"/g)].map(([, url = '']) => url))
  return [...new Set(urls)]
}

/** Returns the packages that these files belong to. */
export function packagesOf(urls: readonly string[]): Set<string> {
  const found = urls.map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [])
  return new Set(found.flat())
}
