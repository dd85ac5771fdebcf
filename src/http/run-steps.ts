import type { Context, Middleware } from '../context.ts'

/** Passes steps from left to right, as a route does, with nothing behind the last one. */
export async function walk([step, ...others]: readonly Middleware[], ctx: Context): Promise<void> {
  await step?.(ctx, () => walk(others, ctx))
}
