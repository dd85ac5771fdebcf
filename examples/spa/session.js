import { GatewayProblem, post } from './gateway.js'

// In milliseconds.
const otherTabsAnswerWithin = 200
const firstRetry = 2_000
const longestRetry = 60_000

/**
 * The session of this app, one for all its tabs. The access token is only ever in memory; the refresh token is in a
 * cookie of the gateway that no script can read. `onChange(session, problem)` hears of everything that happens: the
 * session is null when nobody is signed in, the problem null when all is well.
 */
export function createSession({ gateway, refreshMargin }, onChange) {
  const tabs = new BroadcastChannel('session')
  let session = null
  let timer
  let retry = firstRetry

  /** A session that was just answered. `expiresAt` is by our own clock, so it need not be right. */
  const received = ({ token, username, roles, expiresIn }) => {
    const expiresAt = Date.now() + expiresIn * 1000
    // At the end of the session a token lives as long as the session does: then no other is worth asking for at once.
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
    // A tab that has not heard of the newest one yet may answer with the one before.
    if (data.type === 'session' && !(session?.expiresAt >= data.session.expiresAt)) keep(data.session)
    if (data.type === 'signed-out') keep(null)
    if (data.type === 'ask' && isFresh()) tabs.postMessage({ type: 'session', session })
  })

  /** Asks the other tabs for a session that `isEnough`. Settles soon, also when there are none. */
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
   * Replaces the token, in one tab: the lock lets one in at a time, and whoever comes after the first finds a token that
   * is newer than the one it had.
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
        // The end of the session, or none to begin with. Anything else may pass: until it expires, the token is good.
        if (problem.status === 401) return end(before === undefined ? null : problem)
        keep(session, problem)
      }
    })
  }

  function end(problem) {
    keep(null, problem)
    tabs.postMessage({ type: 'signed-out' })
  }

  // Timers sleep with the computer and in hidden tabs.
  const catchUp = () => session && !isFresh() && refresh()
  addEventListener('online', catchUp)
  document.addEventListener('visibilitychange', () => document.hidden || catchUp())

  return {
    /** Takes up the session that another tab or an earlier visit has left, if there is one. */
    resume: refresh,
    refresh,

    /**
     * Begins the session of a one-time code. While another tab refreshes, it waits: the end of the session before is no
     * end of this one.
     */
    async begin({ code, codeVerifier }) {
      await navigator.locks.request('refresh', async () => {
        const answer = await post(gateway, '/token/exchange', { code, codeVerifier })
        if ('refreshToken' in answer) throw new Error('Start the gateway with AUTH_COOKIE_MODE=true.')
        keep(received(answer))
        tabs.postMessage({ type: 'session', session })
      })
    },

    /** A token that has not expired, replaced first if it is about to; null when nobody is signed in. */
    async token() {
      if (session && !isFresh()) await refresh()
      return session && Date.now() < session.expiresAt ? session.token : null
    },

    /**
     * Ends the session in all tabs; one that is over already has ended. Throws when the gateway does not hear of it: it
     * would not have.
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
