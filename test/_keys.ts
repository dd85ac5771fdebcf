import type { KeyPair } from '../src/tokens/key-pair.ts'
import { generateSigningKey } from '../src/tokens/keyring.ts'

const keys: Promise<KeyPair>[] = []
let taken = 0

/** Returns one of eight RSA keys of this worker, in turn: to generate a key takes longer than to start a gateway. */
export function takeSigningKey(bits: number): Promise<KeyPair> {
  if (bits !== 2048) return generateSigningKey(bits)
  const turn = taken++ % 8
  keys[turn] ??= generateSigningKey(bits)
  return keys[turn]
}
