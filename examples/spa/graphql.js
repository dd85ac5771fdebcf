/**
 * Asks Hasura. When it finds the token expired (its clock may be ahead of ours), the question is asked once more with a
 * new one. Throws what went wrong, in words.
 */
export async function query(url, session, text, isSecond = false) {
  const token = await session.token()
  if (token === null) throw new Error('Nobody is signed in, or the gateway cannot be reached')
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: text }),
    signal: AbortSignal.timeout(10_000),
  })
  const { data, errors } = await response.json()
  const [error] = errors ?? []
  if (error?.extensions?.code === 'invalid-jwt' && !isSecond) {
    await session.refresh()
    return query(url, session, text, true)
  }
  if (error) throw new Error(error.message)
  return data
}
