import type { Context } from '../context.ts'

type Start = NonNullable<Context['state']['start']>

/** The query that takes what an app has asked for from page to page; nothing when there is no app. */
export function queryOf(
  start: Pick<Start, 'redirectTo' | 'codeChallenge'> | undefined,
  more: Record<string, string> = {},
): string {
  const query = new URLSearchParams({
    ...(start?.redirectTo && { redirect_to: start.redirectTo }),
    ...(start?.codeChallenge && { code_challenge: start.codeChallenge, code_challenge_method: 'S256' }),
    ...more,
  })
  return query.size > 0 ? `?${query}` : ''
}

/** What a person calls the place that a URL leads to: the host of a web page, else the scheme of an app. */
export function placeOf(url: string): string {
  const { protocol, host } = new URL(url)
  return /^https?:$/.test(protocol) ? host : protocol.slice(0, -1)
}
