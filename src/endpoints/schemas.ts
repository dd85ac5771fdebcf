import * as z from 'zod'

/** The id of a user, a session or another row of the database. */
export const id = z.guid().meta({ examples: ['a6cda7ff-c8f9-4e45-960e-ae26f4ee1c85'] })

/** A time (RFC 3339). */
export const time = z.iso.datetime().meta({ examples: ['2026-11-23T14:39:19.967Z'] })

/** A username, as the user chose it. */
export const username = z.string().meta({ examples: ['ada'] })

/** True for a user with an e-mail address that was proven to be theirs. */
export const emailVerified = z.boolean().meta({ examples: [true] })

/** The roles of a user in Hasura. */
export const roles = {
  roles: z.array(z.string()).meta({ examples: [['editor', 'user']] }),
  defaultRole: z.string().meta({ examples: ['user'] }),
}

/** The level of a session's authentication. */
export const level = z
  .int()
  .min(1)
  .max(2)
  .meta({ examples: [1] })
