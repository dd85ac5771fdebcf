import { z } from 'zod'
import { claimed } from '../claims/claims-proxy.ts'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Users } from '../stores/users.ts'
import { id, roles, time, username } from './schemas.ts'

const userAnswer = z
  .strictObject({
    id,
    username,
    email: z
      .string()
      .nullable()
      .meta({ examples: ['ada@example.com'] }),
    ...roles,
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

/** Answers with what the signed-in user may know of themselves. */
export function createUser(users: Pick<Users, 'findProfile'>): Middleware {
  return withContract(
    {
      answers: { 200: { description: 'The signed-in user.', schema: userAnswer } },
      errors: ['invalid_token', 'database_unavailable'],
    },
    async function user(ctx) {
      const { access, claims } = claimed(ctx)
      const profile = await users.findProfile(access.userId)
      if (!profile) throw new GatewayError('invalid_token')
      ctx.body = {
        id: access.userId,
        username: access.username,
        email: profile.email,
        roles: claims.allowedRoles,
        defaultRole: claims.defaultRole,
        identities: profile.identities,
        createdAt: profile.createdAt,
      }
    },
  )
}
