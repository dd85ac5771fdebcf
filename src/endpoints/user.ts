import type { Middleware } from '../context.ts'
import type { Users } from '../database/users.ts'
import { GatewayError } from '../errors.ts'
import { claimed } from './claimed.ts'

/** Answers with what the signed-in user may know of themselves. */
export function createUser(users: Pick<Users, 'findProfile'>): Middleware {
  return async function user(ctx) {
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
  }
}
