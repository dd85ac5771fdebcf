// Sign-in by redirect: OAuth's authorization code with PKCE (RFC 7636). The app never receives a password.

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)))

/** Redirects to the sign-in page. The code verifier and the state stay in this tab. */
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
 * Returns the one-time code and its verifier after the redirect back, or null on other visits. Removes the parameters
 * from the address bar. Throws when the sign-in failed, or was not begun in this tab: an attacker's code would sign the
 * user in as the attacker.
 */
export function readReturn() {
  const query = new URLSearchParams(location.search)
  if (!query.has('code') && !query.has('error')) return null
  history.replaceState(null, '', location.pathname)
  const begun = JSON.parse(sessionStorage.getItem('sign-in') ?? 'null')
  sessionStorage.removeItem('sign-in')
  // Checked first, so that an error text is shown only in the tab that began the sign-in.
  if (begun === null || query.get('state') !== begun.state)
    throw new Error('This sign-in was not begun in this tab. Please sign in again.')
  if (query.has('error')) throw new Error(query.get('error_description') ?? query.get('error'))
  return { code: query.get('code'), codeVerifier: begun.verifier }
}
