import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { atEnd } from '../_group.ts'
import test, { type ExecutionContext, type Implementation } from '../_test.ts'

const executablePath = process.env.CLAIMGATE_TEST_CHROMIUM

/** Registers a serial test that needs a browser; left out if the launcher has found no browser. */
export function browserTest(title: string, run: Implementation<[]>): void {
  if (executablePath) test.serial(title, run)
  else test.skip(title, run)
}

let launched: Promise<Browser> | undefined

/** The shared browser of all tests of a worker: each start takes a second. */
function browser(): Promise<Browser> {
  launched ??= chromium.launch({
    executablePath: executablePath ?? '',
    // The sandbox does not work as root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  return launched
}

atEnd(async () => (await launched)?.close())

/** A browser of one user: its own cookies, and a page. Errors of the page fail the test at its end. */
export type Person = { page: Page; context: BrowserContext }

/** Opens a browser without cookies, at `baseURL`. */
export async function openPerson(
  t: ExecutionContext,
  baseURL: string,
  options: BrowserContextOptions = {},
): Promise<Person> {
  const context = await (await browser()).newContext({ baseURL, locale: 'en-US', ...options })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    // An answer with a 4xx, or for another origin, is no error of the page.
    const isExpected = /^Failed to load resource|blocked by CORS policy/.test(message.text())
    if (message.type() === 'error' && !isExpected) complaints.push(message.text())
  })
  t.teardown(async () => {
    await context.close()
    if (complaints.length > 0) throw new Error(`A page complained: ${complaints.join('\n')}`)
  })
  return { page, context }
}
