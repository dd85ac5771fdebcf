import { reasonOf } from '../hasura/metadata-request.ts'
import { type Check, failed, ok } from './check.ts'

/** An answer of the gateway at its public URL. */
export type Page = { status: number; headers: Headers; text: string }

/** Reads a page without following redirects; a text when there is no answer. */
export async function readPage(
  fetch: typeof globalThis.fetch,
  url: string,
  timeout: number,
  headers: Record<string, string> = {},
): Promise<Page | string> {
  try {
    const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(timeout) })
    return { status: response.status, headers: response.headers, text: await response.text() }
  } catch (error) {
    return reasonOf(error, timeout)
  }
}

/** Whether the gateway is found at its public URL, of which `page` is `/healthz`, and needs no redirect to get there. */
export function checkPublicUrl(publicUrl: string, page: Page | string): Check {
  const name = 'public URL'
  const cure = 'start the gateway, and set AUTH_PUBLIC_URL to the address that leads to it'
  if (typeof page === 'string') return failed(name, `${publicUrl} ${page}, from here`, cure)
  if (page.status >= 300 && page.status < 400)
    return failed(
      name,
      `${publicUrl} is a redirect to ${page.headers.get('location')}`,
      'set AUTH_PUBLIC_URL to where that leads: sign-in and Hasura follow no redirect',
    )
  if (page.status !== 200) return failed(name, `${publicUrl}/healthz answers ${page.status}`, cure)
  if (page.text === JSON.stringify({ status: 'ok' })) return ok(name, `${publicUrl} is reached from here`)
  return failed(name, `what answers at ${publicUrl} is not the gateway`, cure)
}

/** That a page had no answer, although the gateway is there; `reason` is what `readPage` said. */
export function failUnread(name: string, path: string, reason: string): Check {
  return failed(name, `${path} ${reason}`, 'look into the log of the gateway, and of what stands before it')
}

/**
 * Reads `/webhook` as Hasura does: 200 with an object of texts that names a role, or 401. `anonymous` is the answer to no
 * token at all, `forged` that to one which nobody has signed.
 */
export function checkWebhook(
  anonymous: Page | string,
  forged: Page | string,
  anonymousRole: string | null,
): Check {
  const name = 'webhook'
  if (typeof anonymous === 'string') return failUnread(name, '/webhook', anonymous)
  if (typeof forged === 'string') return failUnread(name, '/webhook', forged)
  const cure =
    'let nothing between Hasura and the gateway answer in its place, and let all replicas have one configuration'
  if (forged.status !== 401)
    return failed(name, `a forged token is answered with ${forged.status}, not 401`, cure)
  if (anonymousRole === null) {
    if (anonymous.status === 401) return ok(name, '401 without a token, and for a forged one')
    return failed(
      name,
      `no token is answered with ${anonymous.status}, although AUTH_ANONYMOUS_ROLE is empty`,
      cure,
    )
  }
  const role = readRole(anonymous)
  if (role === anonymousRole) return ok(name, `the role ${role} without a token, 401 for a forged one`)
  const found = role === null ? `${anonymous.status} and no role that Hasura could read` : `the role ${role}`
  return failed(name, `no token is answered with ${found}, not with the role ${anonymousRole}`, cure)
}

function readRole({ status, text }: Page): string | null {
  if (status !== 200) return null
  try {
    const answer: Record<string, unknown> = JSON.parse(text)
    if (!Object.values(answer).every((value) => typeof value === 'string')) return null
    const role = Object.entries(answer).find(([name]) => name.toLowerCase() === 'x-hasura-role')
    return (role?.[1] as string | undefined) ?? null
  } catch {
    return null
  }
}
