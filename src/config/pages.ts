import * as z from 'zod'
import { appNames } from './origins.ts'
import type { Read } from './providers.ts'
import * as v from './values.ts'

/** The settings of the pages. */
export type PageSettings = {
  /** The name of the app that users sign in to. */
  name: string
  /** The path of an SVG or PNG file. */
  logo: string | undefined
  /** The path of the logo for browsers in dark mode; undefined means `logo`. */
  logoDark: string | undefined
  /** `#rrggbb`. */
  accent: string
  /** A language tag; undefined means the language of each browser. */
  language: string | undefined
  /** The names of apps by redirect target: an origin, a page, an origin of any port, or a scheme. */
  apps: ReadonlyMap<string, string>
}

const accent = z
  .string()
  .regex(/^#[\da-f]{6}$/i, 'must be a colour such as #1a73e8')
  .optional()
  .transform((value) => value ?? '#3451b2')

const language = z
  .string()
  .regex(/^[a-z]{2,3}(-[A-Za-z\d]{2,8})*$/, 'must be a language such as en')
  .optional()

const name = v.text('Claimgate').refine((value) => value.length <= 60, 'must have at most 60 characters')

/** Reads the settings of the pages; null when AUTH_PAGES is false. */
export function readPages(read: Read): PageSettings | null {
  const isOn = read('AUTH_PAGES', v.flag(true))
  const settings = Object.freeze({
    name: read('AUTH_PAGES_NAME', name),
    logo: read('AUTH_PAGES_LOGO', v.optionalText(1000)),
    logoDark: read('AUTH_PAGES_LOGO_DARK', v.optionalText(1000)),
    accent: read('AUTH_PAGES_ACCENT', accent),
    language: read('AUTH_PAGES_LANGUAGE', language),
    apps: read('AUTH_PAGES_APPS', appNames),
  })
  return isOn ? settings : null
}
