import { reasonOf } from '../hasura/metadata-request.ts'
import { type Check, failed, ok } from './check.ts'

/** An answer of the gateway at its public URL. */
export type Page = { status: number; headers: Headers; text: string }

/** Reads a page without following redirects. Returns the reason as text when there is no answer. */
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

/** Checks that the public URL leads to the gateway without a redirect. `page` is the answer of `/healthz`. */
export function checkPublicUrl(publicUrl: string, page: Page | string): Check {
  const name = 'public URL'
  const cure = 'start the gateway, and set AUTH_PUBLIC_URL to its URL'
  if (typeof page === 'string') return failed(name, `${publicUrl} ${page}, tried from this machine`, cure)
  if (page.status >= 300 && page.status < 400)
    return failed(
      name,
      `${publicUrl} is a redirect to ${page.headers.get('location')}`,
      'set AUTH_PUBLIC_URL to the target of the redirect: sign-in and Hasura follow no redirect',
    )
  if (page.status !== 200) return failed(name, `${publicUrl}/healthz answers ${page.status}`, cure)
  if (page.text === JSON.stringify({ status: 'ok' })) return ok(name, `${publicUrl} leads to the gateway`)
  return failed(name, `the answer of ${publicUrl} does not come from the gateway`, cure)
}

/** Returns the failed check of a page without an answer at a gateway that is reached. `readPage` gives the reason. */
export function failUnread(name: string, path: string, reason: string): Check {
  return failed(name, `${path} ${reason}`, 'read the logs of the gateway and of the proxies in front of it')
}

/**
 * Checks `/webhook` as Hasura reads it: 200 with string members and a role, or 401. `anonymous` is the answer without a
 * token, `forged` the answer to a token with an invalid signature, and `stranger` the answer without the secret of the
 * webhook; null without such a secret.
 */
export function checkWebhook(
  anonymous: Page | string,
  forged: Page | string,
  anonymousRole: string | null,
  stranger: Page | string | null = null,
): Check {
  const name = 'webhook'
  if (typeof anonymous === 'string') return failUnread(name, '/webhook', anonymous)
  if (typeof forged === 'string') return failUnread(name, '/webhook', forged)
  if (typeof stranger === 'string') return failUnread(name, '/webhook', stranger)
  const cure =
    'make the proxies pass /webhook on to the gateway, and give all replicas the same configuration'
  if (stranger && stranger.status !== 401)
    return failed(
      name,
      `a request without AUTH_WEBHOOK_SECRET is answered with ${stranger.status}, not 401`,
      'set AUTH_WEBHOOK_SECRET in the environment of the gateway too, and restart it',
    )
  if (isRefusedAsStranger(anonymous))
    return failed(
      name,
      'the gateway rejects the secret of this environment',
      'give the gateway, all its replicas and this command the same AUTH_WEBHOOK_SECRET',
    )
  if (forged.status !== 401)
    return failed(name, `a forged token is answered with ${forged.status}, not 401`, cure)
  if (anonymousRole === null) {
    if (anonymous.status === 401) return ok(name, '401 without a token, 401 for a forged token')
    return failed(
      name,
      `a request without a token is answered with ${anonymous.status}, although AUTH_ANONYMOUS_ROLE is empty`,
      cure,
    )
  }
  const role = readRole(anonymous)
  if (role === anonymousRole) return ok(name, `the role ${role} without a token, 401 for a forged token`)
  const found = role === null ? `${anonymous.status} and no role that Hasura can read` : `the role ${role}`
  return failed(
    name,
    `a request without a token is answered with ${found}, not with the role ${anonymousRole}`,
    cure,
  )
}

function isRefusedAsStranger({ status, text }: Page): boolean {
  return status === 401 && text.includes('"invalid_webhook_secret"')
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
