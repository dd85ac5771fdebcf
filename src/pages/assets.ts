import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { PageSettings } from '../config/pages.ts'
import type { Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { root } from '../root.ts'
import { createAccent } from './accent.ts'
import { isolateBidi, type Texts } from './texts.ts'

/** A file of the pages. Its name has a hash of its content, so browsers may cache it without expiry. */
export type Asset = { type: string; body: Buffer }

/** The files and texts of the pages of a deployment. */
export type PageFiles = {
  name: string
  /** The languages by their tags; the first is the fallback. */
  locales: ReadonlyMap<string, Texts>
  assets: ReadonlyMap<string, Asset>
  style: string
  script: string
  logo: string
  /** The logo for dark mode; null for the same logo. */
  logoDark: string | null
}

const logoLimit = 102_400

/**
 * Reads style, script and logo, and every language in `locales/`. A new file there adds a language. `root` is the folder of
 * package.json. Throws when the logo or the language of the settings does not exist.
 */
export async function loadPages(settings: PageSettings, root: URL): Promise<PageFiles> {
  const { fill, onFill, textOnLight, textOnDark } = createAccent(settings.accent)
  const read = (name: string) => readFile(new URL(`pages/${name}`, root), 'utf8')
  const colours = `:root{--accent:${fill};--on-accent:${onFill};--accent-light:${textOnLight};--accent-dark:${textOnDark}}`
  // Comments and indentation are a tenth of the file.
  const style = (await read('style.css')).replaceAll(/\/\*.*?\*\/|^\s+/gms, '')
  const assets = new Map<string, Asset>()
  const add = (name: string, extension: string, { type, body }: Asset): string => {
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12)
    const file = `${name}.${hash}.${extension}`
    assets.set(file, { type, body })
    return file
  }
  const text = (type: string, content: string): Asset => ({ type, body: Buffer.from(content) })
  const logo = settings.logo
    ? await readLogo('AUTH_PAGES_LOGO', settings.logo)
    : text(
        'image/svg+xml',
        (await read('logo.svg')).replaceAll('#3451b2', fill).replaceAll('#ffffff', onFill),
      )
  const addLogo = (name: string, asset: Asset) => add(name, asset.type === 'image/png' ? 'png' : 'svg', asset)
  return {
    name: settings.name,
    locales: chooseLocales(await loadLocales(), settings.language),
    assets,
    style: add('style', 'css', text('text/css; charset=utf-8', `${colours}\n${style}`)),
    script: add('script', 'js', text('text/javascript; charset=utf-8', await read('script.js'))),
    logo: addLogo('logo', logo),
    logoDark: settings.logoDark
      ? addLogo('logo-dark', await readLogo('AUTH_PAGES_LOGO_DARK', settings.logoDark))
      : null,
  }
}

/** Returns the problems of the settings by variable. `loadPages` throws the first of these problems. */
export async function findPageProblems({
  logo,
  logoDark,
  language,
}: Pick<PageSettings, 'logo' | 'logoDark' | 'language'>): Promise<string[]> {
  const outcomes = await Promise.allSettled([
    logo && readLogo('AUTH_PAGES_LOGO', logo),
    logoDark && readLogo('AUTH_PAGES_LOGO_DARK', logoDark),
    loadLocales().then((all) => chooseLocales(all, language)),
  ])
  return outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as Error).message] : [],
  )
}

/** Loads all languages. The name of a file is the tag of its language. */
async function loadLocales(): Promise<Map<string, Texts>> {
  const folder = new URL('dist/src/pages/locales/', root)
  const files = (await readdir(folder)).filter((file) => /^[\w-]+\.(js|ts)$/.test(file)).sort()
  const load = async (file: string) => {
    const { default: texts } = (await import(new URL(file, folder).href)) as { default: Texts }
    return [file.replace(/\.\w+$/, ''), isolateBidi(texts)] as const
  }
  return new Map(await Promise.all(files.map(load)))
}

/** Sorts English first, as the fallback; with `only`, returns this language alone. */
function chooseLocales(all: Map<string, Texts>, only: string | undefined): Map<string, Texts> {
  if (only === undefined) return new Map([...all].sort(([a], [b]) => Number(b === 'en') - Number(a === 'en')))
  const texts = all.get(only)
  if (!texts) throw new Error(`AUTH_PAGES_LANGUAGE must be one of ${[...all.keys()].join(', ')}`)
  return new Map([[only, texts]])
}

async function readLogo(variable: string, path: string): Promise<Asset> {
  const body = await readFile(path).catch(() => {
    throw new Error(`${variable} must name a readable file`)
  })
  if (body.length > logoLimit) throw new Error(`${variable} must have at most ${logoLimit} bytes`)
  const type = typeOf(body)
  if (type === null) throw new Error(`${variable} must be an SVG or a PNG`)
  return { type, body }
}

function typeOf(body: Buffer): string | null {
  if (body.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))) return 'image/png'
  const start = body.toString('utf8', 0, 2000).replace(/^\ufeff/, '')
  return /^(\s*<(\?xml|!--|!DOCTYPE svg)[^>]*>)*\s*<svg[\s>]/i.test(start) ? 'image/svg+xml' : null
}

/** Answers with a file of the pages. Throws `not_found`. */
export function sendAsset({ assets }: Pick<PageFiles, 'assets'>): Middleware {
  return async function sendAsset(ctx) {
    const asset = assets.get(ctx.params?.file ?? '')
    if (!asset) throw new GatewayError('not_found')
    ctx.set({
      'Cache-Control': 'public, max-age=31536000, immutable',
      // An SVG logo may have an inline style. Scripts and requests of an opened logo are blocked.
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    })
    ctx.type = asset.type
    ctx.body = asset.body
  }
}
