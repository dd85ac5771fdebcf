// Sign-in by redirect: OAuth's authorization code with PKCE (RFC 7636). No password ever comes to this app.

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)))

/** Leaves the app for the sign-in page. What proves that this tab began it stays in this tab. */
export async function startSignIn(gateway) {
  const verifier = randomText()
  const state = randomText()
  sessionStorage.setItem('sign-in', JSON.stringify({ verifier, state }))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const query = new URLSearchParams({
    redirect_to: location.origin + location.pathname,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    state,
  })
  location.assign(`${gateway}/signin?${query}`)
}

/**
 * What the redirect back has brought: the one-time code and its verifier, or null when this is no way back. The address
 * bar is cleaned. Throws when the sign-in failed, or was not begun in this tab: somebody else's code would sign this
 * person in as somebody else.
 */
export function readReturn() {
  const query = new URLSearchParams(location.search)
  if (!query.has('code') && !query.has('error')) return null
  history.replaceState(null, '', location.pathname)
  const begun = JSON.parse(sessionStorage.getItem('sign-in') ?? 'null')
  sessionStorage.removeItem('sign-in')
  // First of all: what an error says is also only shown to whoever began it.
  if (begun === null || query.get('state') !== begun.state)
    throw new Error('This sign-in was not begun in this tab. Please sign in again.')
  if (query.has('error')) throw new Error(query.get('error_description') ?? query.get('error'))
  return { code: query.get('code'), codeVerifier: begun.verifier }
}
