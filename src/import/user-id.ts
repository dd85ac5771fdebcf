import { createHash } from 'node:crypto'
import * as z from 'zod'

const isGuid = (text: string) => z.guid().safeParse(text).success

// The namespace of the ids of imported users, made by chance.
const namespace = Buffer.from('6f1c0a4e5d6b4c7f9a3e2b8d7c5e1f04', 'hex')

/**
 * Returns the id of an imported user. A UUID stays. Any other id of `source` gives the same UUID in every import (RFC 9562,
 * version 5).
 */
export function toUserId(source: string, id: string): string {
  if (isGuid(id)) return id.toLowerCase()
  const bytes = createHash('sha1').update(namespace).update(`${source}\n${id}`).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Creates a function that returns true for an id that it has got before. It keeps 16 bytes of each id. */
export function createRepeatFinder(): (id: string) => boolean {
  const seen = new Set<string>()
  return (id) => {
    const key = Buffer.from(id.replaceAll('-', ''), 'hex').toString('latin1')
    if (seen.has(key)) return true
    seen.add(key)
    return false
  }
}
