import type { Context } from '../context.ts'

/** The pattern of the route that took the request, once the router has seen it; null when there is none. */
export function routeOf(ctx: Context): string | null {
  return (ctx as { _matchedRoute?: string })._matchedRoute ?? null
}
