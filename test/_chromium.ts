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
 * The browser that pages are tested in: that of `CHROMIUM_PATH`, or else a Chromium or Chrome where they usually are.
 * Null when there is none. Throws when `CHROMIUM_PATH` names nothing.
 */
export function findChromium(chosen: string | undefined): string | null {
  if (!chosen) return places.find((place) => existsSync(place)) ?? null
  if (!existsSync(chosen)) throw new Error(`CHROMIUM_PATH: there is no ${chosen}`)
  return chosen
}
