import { isUtf8 } from 'node:buffer'
import { type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import * as z from 'zod'
import { GatewayError } from '../errors.ts'
import type { KeyPair } from './key-pair.ts'

/** A signed token (JWS compact serialization, RFC 7515) with a checked header. Its signature is not verified yet. */
export type Jws = { kid: string; signed: string; payload: string; signature: string }

const headerSchema = z.object({
  alg: z.literal('RS256'),
  typ: z.string().regex(/^(application\/)?jwt$/i),
  kid: z.string(),
  // The gateway knows no extension (RFC 7515, section 4.1.11).
  crit: z.undefined().optional(),
})

/** Reads the parts and the header of a token. Throws `invalid_token` for any other header than of RS256 and JWT. */
export function parseJws(token: string): Jws {
  const [header, payload, signature, ...rest] = token.split('.')
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
    throw invalidToken(new Error('The token has not three parts'))
  const parsed = headerSchema.safeParse(decodeJson(header))
  if (!parsed.success) throw invalidToken(parsed.error)
  return { kid: parsed.data.kid, signed: `${header}.${payload}`, payload, signature }
}

/**
 * Returns the payload of a token that an RSA key has signed. Throws `invalid_token` for another signature. It verifies
 * in the calling thread: jose costs more than twice as much, and waits for the thread pool, which hashes passwords.
 */
export function verifyJws({ signed, payload, signature }: Jws, key: KeyObject): unknown {
  if (!verify('sha256', Buffer.from(signed, 'latin1'), key, decode(signature)))
    throw invalidToken(new Error('The signature is wrong'))
  return decodeJson(payload)
}

const signInPool = promisify(sign)

/**
 * Signs a payload. It signs in the thread pool: a signature takes long, and other requests do not wait for it. The token
 * has the same bytes as one of jose, which costs more because of Web Crypto.
 */
export async function signJws(
  payload: Readonly<Record<string, unknown>>,
  { kid, privateKey }: Pick<KeyPair, 'kid' | 'privateKey'>,
): Promise<string> {
  const signed = `${encodeJson({ alg: 'RS256', typ: 'JWT', kid })}.${encodeJson(payload)}`
  const signature = await signInPool('sha256', Buffer.from(signed, 'latin1'), privateKey)
  return `${signed}.${signature.toString('base64url')}`
}

function encodeJson(part: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** Returns the error of an invalid token. The log gets its cause. */
export function invalidToken(cause: Error): GatewayError {
  return new GatewayError('invalid_token', { cause })
}

function decodeJson(part: string): unknown {
  const bytes = decode(part)
  if (!isUtf8(bytes)) throw invalidToken(new Error('The token is not UTF-8'))
  try {
    return JSON.parse(bytes.toString())
  } catch (cause) {
    throw invalidToken(cause as SyntaxError)
  }
}

/** Returns the bytes of a part. Throws `invalid_token` unless it is the only spelling of these bytes. */
function decode(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) throw invalidToken(new Error('A part is not base64url'))
  return bytes
}
