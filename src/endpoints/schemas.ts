import { z } from 'zod'
import { text } from '../http/validate.ts'

/** The id of a user, session or anything else that the database names. */
export const id = z.guid().meta({ examples: ['a6cda7ff-c8f9-4e45-960e-ae26f4ee1c85'] })

/** A moment (RFC 3339). */
export const time = z.iso.datetime().meta({ examples: ['2026-11-23T14:39:19.967Z'] })

/** A username, as it was chosen. */
export const username = z.string().meta({ examples: ['ada'] })

/** What somebody may be in Hasura. */
export const roles = {
  roles: z.array(z.string()).meta({ examples: [['editor', 'user']] }),
  defaultRole: z.string().meta({ examples: ['user'] }),
}

/** The body of POST /login. */
export const loginBody = z.strictObject({
  username: text(1024)
    .min(1, 'is required')
    .meta({ examples: ['ada'] }),
  password: text(1024)
    .min(1, 'is required')
    .meta({ examples: ['correct horse'] }),
})

const refreshToken = text(200).meta({ examples: ['cgr_F-mQRR5mRsiuEBG_…'] })

/** The body of POST /token; in cookie mode the token may come in the cookie. */
export const createTokenBody = (cookieMode: boolean) =>
  z.strictObject({ refreshToken: cookieMode ? refreshToken.optional() : refreshToken })

/** The body of POST /token/exchange. */
export const exchangeBody = z.strictObject({
  code: text(200).meta({ examples: ['cgc_example'] }),
  codeVerifier: z
    .string()
    .regex(/^[\w.~-]{43,128}$/, 'must have 43 to 128 of the characters of RFC 7636')
    .meta({ examples: ['dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'] })
    .optional(),
})

/** The body of POST /logout. */
export const createLogoutBody = (cookieMode: boolean) =>
  createTokenBody(cookieMode).extend({
    everywhere: z
      .boolean()
      .meta({ examples: [false] })
      .optional(),
  })
