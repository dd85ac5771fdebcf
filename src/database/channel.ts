import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { deserialize, serialize } from 'node:v8'

/** A connection between two processes of the same user that exchanges values: also dates, bytes and large integers. */
export type Channel = {
  send(value: unknown): void
  /** Returns the next value; null when the connection has ended. */
  receive(): Promise<unknown>
  /** Closes the connection after the values that were sent. */
  end(): void
  /** Closes the connection at once. */
  destroy(): void
}

// Each value follows its length in bytes, an integer of 32 bits.
const head = 4

/** Creates a channel over a socket. */
export function createChannel(socket: Socket): Channel {
  const values = readValues(socket)
  return {
    send: (value) => {
      const body = serialize(value)
      const length = Buffer.alloc(head)
      length.writeUInt32BE(body.length)
      if (socket.writable) socket.write(Buffer.concat([length, body]))
    },
    receive: async () => {
      try {
        const { done, value } = await values.next()
        return done ? null : value
      } catch {
        // A reset connection, or bytes of another program.
        socket.destroy()
        return null
      }
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

async function* readValues(socket: Socket): AsyncGenerator<unknown> {
  let chunks: Buffer[] = []
  let size = 0
  let wanted = head
  let isBody = false
  for await (const chunk of socket) {
    chunks.push(chunk)
    size += chunk.length
    while (size >= wanted) {
      const bytes = Buffer.concat(chunks)
      const part = bytes.subarray(0, wanted)
      const rest = bytes.subarray(wanted)
      chunks = [rest]
      size = rest.length
      if (isBody) yield deserialize(part)
      wanted = isBody ? head : part.readUInt32BE()
      isBody = !isBody
    }
  }
}

/** Returns the next value of a channel; null when the connection has ended, undefined after `limit` milliseconds. */
export async function receiveWithin(channel: Channel, limit: number): Promise<unknown> {
  const waiting = new AbortController()
  const late = sleep(limit, undefined, { signal: waiting.signal }).catch(() => {})
  try {
    return await Promise.race([channel.receive(), late])
  } finally {
    waiting.abort()
  }
}
