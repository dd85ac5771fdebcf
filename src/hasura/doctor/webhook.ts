import { type Check, failed, ok } from './check.ts'
import { failUnread, type Page } from './page.ts'

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
