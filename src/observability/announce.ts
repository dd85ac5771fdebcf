import type { Middleware } from '../context.ts'
import { type Announcer, type Attempt, eventTable, type Listener } from '../events.ts'
import { maskAddress } from '../http/ip-address.ts'

/** Creates the function that logs every event and passes it to the listener. */
export function createAnnouncer(listener: Listener = () => {}): Announcer {
  return function announce(log, name, facts) {
    const { level, message } = eventTable[name]
    log[level]({ event: name, ...facts }, message)
    listener(name, facts)
  }
}

/** Gives the steps of a route `ctx.state.announce`, for the events that only they know. */
export function announceEvents({ announce }: { announce: Announcer }): Middleware {
  return function announceEvents(ctx, next) {
    const { state } = ctx
    state.announce = (name, facts) => {
      const signedIn = state.access ?? state.flow?.link ?? state.flow?.stepUp
      announce(state.log, name, {
        userId: state.access?.userId ?? state.user?.id ?? signedIn?.userId,
        sessionId: signedIn?.sessionId,
        provider: state.attempt?.provider,
        address: maskAddress(state.address),
        ...facts,
      })
    }
    return next()
  }
}

/** Announces how the steps to its right end. Their failure is announced where every failure passes, by its code. */
export function attempt(options: Attempt): Middleware {
  return async function attempt(ctx, next) {
    ctx.state.attempt = options
    await next()
    // Asked again, because a round trip to a provider may turn out to be something else than a sign-in.
    const { access, announce, attempt: { ok } = options } = ctx.state
    if (access && ok) announce(ok)
  }
}
