import type { Context } from '../context.ts'

/** Whether a person's browser asks, and not a program: browsers say that they want HTML more than anything else. */
export function prefersHtml(ctx: Context): boolean {
  return ctx.accepts('json', 'html') === 'html'
}
