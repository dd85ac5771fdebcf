/**
 * Sends a query to Hasura. When Hasura finds the token expired, because its clock may be ahead, the query is sent once
 * more with a new token. Throws an error with a message for the user.
 */
export async function query(url, session, text, isSecond = false) {
  const token = await session.token()
  if (token === null) throw new Error('You are signed out, or the gateway cannot be reached')
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
