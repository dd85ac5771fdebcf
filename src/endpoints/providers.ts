import * as z from 'zod'
import { withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Operation } from '../hasura/run-operation.ts'

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

/** GET /providers: lists the ways to sign in. */
export function providers({ config, passwordProvider, redirectProviders }: Dependencies) {
  const { publicUrl, passwordApi } = config
  const { name, label } = passwordProvider
  // Without the password API, an app sends the browser to the sign-in page, which takes the parameters of a provider.
  const own = passwordApi
    ? { name, label, flow: 'password', url: `${publicUrl}/login` }
    : { name, label, flow: 'redirect', url: `${publicUrl}/signin` }
  const others = redirectProviders.map(({ name, label, flow }) => ({
    name,
    label,
    flow,
    url: `${publicUrl}/auth/${name}`,
  }))
  const list = [own, ...others]
  return {
    guards: [],
    input: null,
    steps: [
      withContract(
        { answers: { 200: { description: 'The ways to sign in.', schema: providersAnswer } } },
        async function providers(ctx) {
          ctx.body = list
        },
      ),
    ],
  } satisfies Operation
}
