import type { Provider } from '../authentication/provider.ts'
import type { Middleware } from '../context.ts'

/** Lists how people can sign in here: what a client needs to draw its buttons. */
export function createProviders(providers: readonly Provider[], publicUrl: string): Middleware {
  const list = providers.map(({ name, label, flow }) => ({
    name,
    label,
    flow,
    url: flow === 'password' ? `${publicUrl}/login` : `${publicUrl}/auth/${name}`,
  }))
  return async function listProviders(ctx) {
    ctx.body = list
  }
}
