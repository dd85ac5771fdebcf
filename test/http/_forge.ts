import { createHmac, type KeyObject, sign } from 'node:crypto'

type Json = Record<string, unknown>

/** Returns the header and payload of a token, unverified. */
export function open(token: string): { header: Json; payload: Json } {
  const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header ?? ''), payload: JSON.parse(payload ?? '') }
}

/** Creates a token of any header and payload, signed with RSA and `hash`. */
export function forge(header: Json, payload: Json, key: KeyObject, hash = 'RSA-SHA256'): string {
  const input = inputOf(header, payload)
  return `${input}.${sign(hash, Buffer.from(input), key).toString('base64url')}`
}

/** Creates a token with an HMAC by `key`. A verifier that trusts `alg` would accept it with the public key. */
export function forgeHmac(header: Json, payload: Json, key: string | Buffer): string {
  const input = inputOf(header, payload)
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

export function forgeUnsigned(header: Json, payload: Json): string {
  return `${inputOf(header, payload)}.`
}

/** Returns copies of the token with one character changed, at many places in each part. Each decodes to other bytes. */
export function* flips(token: string): Generator<string> {
  for (let at = 0; at < token.length; at += 7) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    if (token[at] !== '.' && at < token.length - 1) yield changed
  }
}

function inputOf(header: Json, payload: Json): string {
  return [header, payload].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')).join('.')
}
