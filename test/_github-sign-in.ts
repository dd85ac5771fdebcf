import type { SessionBody } from './_app.ts'
import { ask } from './_client.ts'
import { type Cookies, cookieHeader, keepCookies } from './_cookies.ts'
import type { FakeProvider, GithubProfile } from './_fake-provider.ts'

/** Signs in through GitHub at a gateway in a separate process, as a new browser. */
export async function signInWithGithub(
  url: string,
  fake: FakeProvider,
  profile: GithubProfile,
): Promise<{ status: number; body: SessionBody }> {
  const start = await fetch(`${url}/auth/github`, { redirect: 'manual' })
  if (start.status !== 302) throw new Error(`start: ${start.status} ${await start.text()}`)
  const { pathname, search } = new URL(fake.authorize(start.headers.get('location') ?? '', profile))
  const cookies: Cookies = new Map()
  keepCookies(cookies, start.headers)
  return ask<SessionBody>(url + pathname + search, undefined, cookieHeader(cookies))
}
