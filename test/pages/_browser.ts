import test, { type ExecutionContext, type Implementation } from 'ava'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'

const executablePath = process.env.CLAIMGATE_TEST_CHROMIUM

/** A test that needs a browser, one after the other; left out where the launcher has found none. */
export function browserTest(title: string, run: Implementation<[]>): void {
  if (executablePath) test.serial(title, run)
  else test.skip(title, run)
}

let launched: Promise<Browser> | undefined

/** The one browser of a test file: starting one costs a second. */
function browser(): Promise<Browser> {
  launched ??= chromium.launch({
    executablePath: executablePath ?? '',
    // As root there is nothing for its sandbox to give up.
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

/** Ends the browser of a test file, if it has been started. */
export async function closeBrowser(): Promise<void> {
  await (await launched)?.close()
}

/** A person's browser: its own cookies, and a page. Whatever the page complains about fails the test at its end. */
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
    // That an answer is a 4xx, or not for this origin, is no complaint of the page.
    const isExpected = /^Failed to load resource|blocked by CORS policy/.test(message.text())
    if (message.type() === 'error' && !isExpected) complaints.push(message.text())
  })
  t.teardown(async () => {
    await context.close()
    if (complaints.length > 0) throw new Error(`A page complained: ${complaints.join('\n')}`)
  })
  return { page, context }
}
