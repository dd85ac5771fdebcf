import { z } from 'zod'
import { text } from '../http/validate.ts'

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
