import { existsSync } from 'node:fs'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/**
 * Returns the browser of the page tests: `CHROMIUM_PATH`, or else a Chromium or Chrome in the usual places.
 * Null without a browser. Throws when `CHROMIUM_PATH` names no file.
 */
export function findChromium(chosen: string | undefined): string | null {
  if (!chosen) return places.find((place) => existsSync(place)) ?? null
  if (!existsSync(chosen)) throw new Error(`CHROMIUM_PATH: ${chosen} does not exist`)
  return chosen
}
