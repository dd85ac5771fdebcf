import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { type Channel, createChannel, receiveWithin } from './channel.ts'
import { connectHolder, DirectoryInUseError, type DirectoryLock, lockDirectory } from './directory-lock.ts'

/** The first value on a connection to the process that has a data directory open. Only a gateway serves others. */
const greeting = z.object({ program: z.literal('claimgate'), release: z.string(), serves: z.boolean() })

type Greeting = z.infer<typeof greeting>

/** Returns a function that greets a connection and passes it on. */
export function greet(release: string, serve: (channel: Channel) => Promise<void>): (socket: Socket) => void {
  return (socket) => void serve(send(socket, { program: 'claimgate', release, serves: true }))
}

/** Returns a function that ends a connection: this process ends soon, so it serves no others. */
export function refuse(release: string): (socket: Socket) => void {
  return (socket) => {
    send(socket, { program: 'claimgate', release, serves: false }).end()
  }
}

function send(socket: Socket, value: Greeting): Channel {
  const channel = createChannel(socket)
  channel.send(value)
  return channel
}

/** A lock of the directory, or the connections to the gateway that has it open. */
export type Holder = { lock: DirectoryLock } | { first: Channel; join(): Promise<Channel> }

// In milliseconds.
const secondGateway = 1_000

/**
 * Locks the directory. When a gateway has it open, a command connects to the gateway. Waits up to `patience`
 * milliseconds for a starting gateway, and for a command that has the directory open. Throws DirectoryInUseError, and an
 * error when the gateway is of another release.
 */
export async function lockOrJoin(
  directory: string,
  isGateway: boolean,
  release: string,
  patience: number,
): Promise<Holder> {
  const end = performance.now() + patience
  for (;;) {
    try {
      return { lock: await lockDirectory(directory, isGateway ? {} : { attempts: 1 }) }
    } catch (error) {
      if (!(error instanceof DirectoryInUseError)) throw error
      const found = await meet(directory, isGateway ? secondGateway : end - performance.now())
      if (found?.serves && !isGateway) {
        requireRelease(directory, found.release, release)
        return { first: found.channel, join: () => joinAgain(directory, release) }
      }
      found?.channel.destroy()
      const isCommand = found?.serves === false
      if (performance.now() > end || (isGateway && found && !isCommand)) throw error
    }
    await sleep(50 + Math.random() * 100)
  }
}

/** Connects to the process that has the directory open and reads its greeting. Returns null when there is none. */
async function meet(
  directory: string,
  limit: number,
): Promise<{ channel: Channel; release: string; serves: boolean | null } | null> {
  const socket = await connectHolder(directory)
  if (socket === null) return null
  const channel = createChannel(socket)
  const { data } = greeting.safeParse(await receiveWithin(channel, limit))
  return { channel, release: data?.release ?? '', serves: data?.serves ?? null }
}

async function joinAgain(directory: string, release: string): Promise<Channel> {
  const found = await meet(directory, 5_000)
  if (found?.serves) {
    requireRelease(directory, found.release, release)
    return found.channel
  }
  found?.channel.destroy()
  throw Object.assign(new Error('The gateway that has the embedded database open has ended'), {
    code: 'ECONNRESET',
  })
}

function requireRelease(directory: string, theirs: string, ours: string): void {
  if (theirs === ours) return
  throw new Error(
    `The gateway that has the data directory ${directory} open is Claimgate ${theirs}, and this command is Claimgate ${ours}. Restart the gateway, or run the command of its version.`,
  )
}
