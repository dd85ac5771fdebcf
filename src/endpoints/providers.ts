import { z } from 'zod'
import type { Provider } from '../authentication/provider.ts'
import { type Middleware, withContract } from '../context.ts'

const providersAnswer = z.array(
  z
    .strictObject({
      name: z.string().meta({ examples: ['github'] }),
      label: z.string().meta({ examples: ['GitHub'] }),
      flow: z.enum(['password', 'redirect']).meta({ examples: ['redirect'] }),
      url: z.url().meta({ examples: ['https://auth.example.com/auth/github'] }),
    })
    .meta({ title: 'Provider' }),
)

/** Lists how people can sign in here: what a client needs to draw its buttons. */
export function createProviders(providers: readonly Provider[], publicUrl: string): Middleware {
  const list = providers.map(({ name, label, flow }) => ({
    name,
    label,
    flow,
    url: flow === 'password' ? `${publicUrl}/login` : `${publicUrl}/auth/${name}`,
  }))
  return withContract(
    { answers: { 200: { description: 'How people can sign in here.', schema: providersAnswer } } },
    async function listProviders(ctx) {
      ctx.body = list
    },
  )
}
