import { z } from 'zod'
import type { Middleware } from '../context.ts'
import { withContract } from '../contract.ts'

const paths = {
  signup: '/signup',
  login: '/login',
  token: '/token',
  exchange: '/token/exchange',
  logout: '/logout',
  providers: '/providers',
  user: '/user',
  sessions: '/user/sessions',
  webhook: '/webhook',
  jwks: '/jwks',
  reference: '/openapi.json',
  docs: '/docs',
  health: '/healthz',
  ready: '/readyz',
}

const indexAnswer = z.strictObject({
  name: z.literal('claimgate').meta({ description: 'What this is.' }),
  links: z.record(z.string(), z.url()).meta({
    description: 'The addresses of the routes.',
    examples: [{ login: 'https://auth.example.com/login' }],
  }),
})

/** Tells a program that comes to the front door where everything is. */
export function createApiIndex(publicUrl: string): Middleware {
  const links = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, publicUrl + path]))
  return withContract(
    { answers: { 200: { description: 'For programs: where what is.', schema: indexAnswer } } },
    async function apiIndex(ctx) {
      ctx.vary('Accept')
      ctx.body = { name: 'claimgate', links }
    },
  )
}
