import { z } from 'zod'
import { text } from '../http/text.ts'

/** The body of POST /login. */
export const loginBody = z.strictObject({
  username: text(1024).min(1, 'is required'),
  password: text(1024).min(1, 'is required'),
})

/** The body of POST /token; in cookie mode the token may come in the cookie. */
export const tokenBody = z.strictObject({ refreshToken: text(200).optional() })

/** The body of POST /token/exchange. */
export const exchangeBody = z.strictObject({
  code: text(200),
  codeVerifier: z
    .string()
    .regex(/^[\w.~-]{43,128}$/, 'must have 43 to 128 of the characters of RFC 7636')
    .optional(),
})

/** The body of POST /logout. */
export const logoutBody = tokenBody.extend({ everywhere: z.boolean().optional() })
