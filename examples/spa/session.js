import { GatewayProblem, post } from './gateway.js'

// In milliseconds.
const otherTabsAnswerWithin = 200
const firstRetry = 2_000
const longestRetry = 60_000

/**
 * Creates the session of this app, which all tabs share. The access token is only in memory; the refresh token is in an
 * HttpOnly cookie of the gateway. `onChange(session, problem)` is called on every change: `session` is null when the
 * user is signed out, `problem` is null without an error.
 */
export function createSession({ gateway, refreshMargin }, onChange) {
  const tabs = new BroadcastChannel('session')
  let session = null
  let timer
  let retry = firstRetry

  /** Returns the session of a response. `expiresAt` is by the browser's clock, which may be wrong. */
  const received = ({ token, username, roles, expiresIn }) => {
    const expiresAt = Date.now() + expiresIn * 1000
    // The last token of a session ends with the session, and may live less than the margin: no refresh at once then.
    const refreshAt = expiresAt - Math.min(refreshMargin, Math.max(0, expiresIn / 2 - 1)) * 1000
    return { token, username, roles, expiresAt, refreshAt }
  }
  const isFresh = () => session !== null && Date.now() < session.refreshAt

  function keep(next, problem = null) {
    session = next
    if (!problem) retry = firstRetry
    clearTimeout(timer)
    if (session && !problem) timer = setTimeout(refresh, Math.max(0, session.refreshAt - Date.now()))
    if (problem && problem.status !== 401) timer = setTimeout(refresh, delayAfter(problem))
    onChange(session, problem)
  }

  function delayAfter({ retryAfter }) {
    const delay = retryAfter === null ? retry : retryAfter * 1000
    retry = Math.min(retry * 2, longestRetry)
    return delay
  }

  tabs.addEventListener('message', ({ data }) => {
    // A tab that has not received the newest session yet may answer with the previous one.
    if (data.type === 'session' && !(session?.expiresAt >= data.session.expiresAt)) keep(data.session)
    if (data.type === 'signed-out') keep(null)
    if (data.type === 'ask' && isFresh()) tabs.postMessage({ type: 'session', session })
  })

  /** Asks the other tabs for a session until `isEnough` returns true. Resolves soon, also without other tabs. */
  function askTabs(isEnough) {
    return new Promise((resolve) => {
      const done = () => {
        tabs.removeEventListener('message', listen)
        resolve()
      }
      const listen = () => isEnough() && done()
      tabs.addEventListener('message', listen)
      tabs.postMessage({ type: 'ask' })
      setTimeout(done, otherTabsAnswerWithin)
    })
  }

  /**
   * Refreshes the token in one tab: the lock admits one tab at a time, and each later tab finds a newer token than its
   * own.
   */
  function refresh() {
    const before = session?.token
    const isReplaced = () => isFresh() && session.token !== before
    return navigator.locks.request('refresh', async () => {
      if (!isReplaced()) await askTabs(isReplaced)
      if (isReplaced()) return
      try {
        keep(received(await post(gateway, '/token', {})))
        tabs.postMessage({ type: 'session', session })
      } catch (problem) {
        if (!(problem instanceof GatewayProblem)) throw problem
        // 401 means an ended or missing session. Other errors may be temporary: the token is valid until it expires.
        if (problem.status === 401) return end(before === undefined ? null : problem)
        keep(session, problem)
      }
    })
  }

  function end(problem) {
    keep(null, problem)
    tabs.postMessage({ type: 'signed-out' })
  }

  // Timers stop while the computer sleeps, and in hidden tabs.
  const catchUp = () => session && !isFresh() && refresh()
  addEventListener('online', catchUp)
  document.addEventListener('visibilitychange', () => document.hidden || catchUp())

  return {
    /** Resumes the session of another tab or an earlier visit, if there is one. */
    resume: refresh,
    refresh,

    /**
     * Starts the session of a one-time code. It waits for a refresh in another tab, because the end of the previous
     * session must not end this one.
     */
    async begin({ code, codeVerifier }) {
      await navigator.locks.request('refresh', async () => {
        const answer = await post(gateway, '/token/exchange', { code, codeVerifier })
        if ('refreshToken' in answer) throw new Error('Start the gateway with AUTH_COOKIE_MODE=true.')
        keep(received(answer))
        tabs.postMessage({ type: 'session', session })
      })
    },

    /** Returns a valid token, refreshed first if it expires soon; null when the user is signed out. */
    async token() {
      if (session && !isFresh()) await refresh()
      return session && Date.now() < session.expiresAt ? session.token : null
    },

    /**
     * Ends the session in all tabs. An ended session counts as success. Throws when the gateway does not answer, as
     * the session then goes on.
     */
    async signOut() {
      await navigator.locks.request('refresh', async () => {
        await post(gateway, '/logout', {}).catch((problem) => {
          if (problem.status !== 401) throw problem
        })
        end(null)
      })
    },
  }
}
