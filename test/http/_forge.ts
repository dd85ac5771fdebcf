import { createHmac, type KeyObject, sign } from 'node:crypto'

type Json = Record<string, unknown>

/** Header and payload of a token, unverified. */
export function open(token: string): { header: Json; payload: Json } {
  const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header ?? ''), payload: JSON.parse(payload ?? '') }
}

/** A token of any header and payload, signed with RSA under `hash`. */
export function forge(header: Json, payload: Json, key: KeyObject, hash = 'RSA-SHA256'): string {
  const input = inputOf(header, payload)
  return `${input}.${sign(hash, Buffer.from(input), key).toString('base64url')}`
}

/** A token whose signature is an HMAC with `key`: what a verifier that trusts `alg` takes the public key for. */
export function forgeHmac(header: Json, payload: Json, key: string | Buffer): string {
  const input = inputOf(header, payload)
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

export function forgeUnsigned(header: Json, payload: Json): string {
  return `${inputOf(header, payload)}.`
}

/** The token with one character changed, for many places in each part; every one stands for other bytes. */
export function* flips(token: string): Generator<string> {
  for (let at = 0; at < token.length; at += 7) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    if (token[at] !== '.' && at < token.length - 1) yield changed
  }
}

function inputOf(header: Json, payload: Json): string {
  return [header, payload].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')).join('.')
}
