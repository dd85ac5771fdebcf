import * as z from 'zod'
import { requireClaims } from '../claims/claims-proxy.ts'
import { requireState, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { emailVerified, id, level, roles, time, username } from './schemas.ts'
import type { Transport } from './transport.ts'

const userAnswer = z
  .strictObject({
    id,
    username,
    email: z
      .string()
      .nullable()
      .meta({ examples: ['ada@example.com'] }),
    emailVerified,
    ...roles,
    level,
    identities: z.array(
      z
        .strictObject({
          provider: z.string().meta({ examples: ['github'] }),
          subject: z.string().meta({ examples: ['583231'] }),
          email: z
            .string()
            .nullable()
            .meta({ examples: ['ada@example.com'] }),
        })
        .meta({ title: 'Identity' }),
    ),
    createdAt: time,
  })
  .meta({ title: 'User' })

/** GET /user: answers with the profile of the signed-in user. */
export function me(_deps: Dependencies, { withProfile }: Transport) {
  return {
    guards: withProfile,
    input: null,
    steps: [
      withContract(
        {
          answers: { 200: { description: 'The signed-in user.', schema: userAnswer } },
          errors: ['invalid_token', 'database_unavailable'],
        },
        async function me(ctx) {
          const { access, claims } = requireClaims(ctx)
          const { email, emailVerified, identities, createdAt } = requireState(ctx, 'profile')
          ctx.body = {
            id: access.userId,
            username: access.username,
            email,
            emailVerified,
            roles: claims.allowedRoles,
            defaultRole: claims.defaultRole,
            level: access.level,
            identities,
            createdAt,
          }
        },
      ),
    ],
  } satisfies Operation
}
