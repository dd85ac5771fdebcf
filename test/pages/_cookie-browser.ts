import type { TestApp } from '../_app.ts'
import { type Cookies, cookieHeader, keepCookies } from '../_cookies.ts'

/** An answer with a page. */
export type Seen = { status: number; headers: Headers; text: string; location: string | null }

/** A browser without a screen: it keeps cookies and sends the headers of browsers. */
export type CookieBrowser = {
  cookies: Cookies
  get(path: string, headers?: Record<string, string>): Promise<Seen>
  /** Sends fields as a form does, without a token. */
  send(path: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Seen>
  /** Loads the page at `from` and sends a form with its token. */
  submit(
    from: string,
    path: string,
    fields?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Seen>
}

export function openCookieBrowser(
  { app, url }: { app: Pick<TestApp, 'call'>; url: string },
  cookies: Cookies = new Map(),
): CookieBrowser {
  const browserHeaders = { Accept: 'text/html,*/*;q=0.8', 'Accept-Language': 'en' }

  async function ask(
    method: string,
    path: string,
    headers: Record<string, string>,
    raw?: string,
  ): Promise<Seen> {
    const answer = await app.call(method, path, {
      headers: { ...browserHeaders, ...cookieHeader(cookies), ...headers },
      ...(raw !== undefined && { raw }),
    })
    keepCookies(cookies, answer.headers)
    const { status, headers: received, text } = answer
    return { status, headers: received, text, location: received.get('location') }
  }

  const browser: CookieBrowser = {
    cookies,
    get: (path, headers = {}) => ask('GET', path, headers),
    send: (path, fields, headers = {}) =>
      ask(
        'POST',
        path,
        {
          'Content-Type': 'application/x-www-form-urlencoded',
          Origin: url,
          'Sec-Fetch-Site': 'same-origin',
          ...headers,
        },
        String(new URLSearchParams(fields)),
      ),
    submit: async (from, path, fields = {}, headers = {}) =>
      browser.send(path, { csrf: tokenOf(await browser.get(from)), ...fields }, headers),
  }
  return browser
}

/** The token of the first form of a page. */
export function tokenOf({ text }: Pick<Seen, 'text'>): string {
  const [, token] = /name="csrf" value="([^"]+)"/.exec(text) ?? []
  if (token === undefined) throw new Error(`a page without a form: ${text}`)
  return token
}

/** Returns the action of the first form of a page. */
export function actionOf({ text }: Pick<Seen, 'text'>): string {
  const [, action] = /<form method="post" action="([^"]+)"/.exec(text) ?? []
  if (action === undefined) throw new Error(`a page without a form: ${text}`)
  return action.replaceAll('&amp;', '&')
}

/** Signs a new user up on the page; the browser is signed in afterwards. */
export async function signUp(
  browser: CookieBrowser,
  username: string,
  password = 'correct horse',
): Promise<void> {
  const fields = { username, password, confirmPassword: password }
  const { status, location, text } = await browser.submit('/signup', '/signup/form', fields)
  if (status !== 303 || location !== '/account') throw new Error(`sign-up of ${username}: ${status} ${text}`)
}

/** The errors of a page: its notice, or the error of each field. */
export function alertsOf({ text }: Seen): string {
  return [...text.matchAll(/(?:role="alert"|class="fault")[^>]*>(.*?)<\/p>/gs)]
    .map(([, inner = '']) => plain(inner))
    .join(' ')
}

/** Returns the text of a page without its elements. */
export function plain(html: string): string {
  return html
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim()
}
