import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Clock, type Context, type Middleware, requireState } from '../context.ts'
import { createCookies } from '../http/cookie.ts'
import { spellingKey } from './limits.ts'

type DeviceCookieSettings = {
  key: Uint8Array
  publicUrl: string
  clock: Clock
}

export type DeviceCookie = ReturnType<typeof createDeviceCookie>

// Half a year.
const lifetime = 15_552_000
// Of the accounts of one browser.
const most = 5
const characters = 2_000

/**
 * Creates the cookie by which a browser proves that a user has signed in there before (OWASP, "Slow Down Online Guessing
 * Attacks with Device Cookies"). It gives a login a counter of its own and no other right. It has an expiry, a random id
 * and an HMAC of both for the account. A browser has a cookie for each of its last five accounts.
 */
export function createDeviceCookie({ key, publicUrl, clock }: DeviceCookieSettings) {
  const cookies = createCookies('claimgate-device', { publicUrl, sameSite: 'lax' })
  const sign = (...parts: string[]) => createHmac('sha256', key).update(JSON.stringify(parts)).digest()
  // A hash of the username alone could be guessed from the name of the cookie.
  const nameOf = (account: string) => sign('name', account).toString('base64url')
  const now = () => Math.floor(clock().getTime() / 1000)

  /** Returns the id of the device from which this user has signed in before; undefined without a valid cookie. */
  function read(ctx: Context, username: string): string | undefined {
    const account = spellingKey(username)
    const [expiry = '', id = '', mac = ''] = cookies.read(ctx, nameOf(account))?.split('.') ?? []
    const [given, expected] = [Buffer.from(mac, 'base64url'), sign('device', account, expiry, id)]
    const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
    return isSigned && Number(expiry) > now() ? id : undefined
  }

  function write(ctx: Context, username: string): void {
    const account = spellingKey(username)
    const id = read(ctx, username) ?? randomBytes(16).toString('base64url')
    const expiry = String(now() + lifetime)
    const mac = sign('device', account, expiry, id).toString('base64url')
    const limits = { now: clock(), seconds: lifetime, most, characters }
    cookies.write(ctx, nameOf(account), `${expiry}.${id}.${mac}`, limits)
  }
  return { read, write }
}

/** Remembers the browser as a device of the user who has just signed in. Null when the limits are switched off. */
export function rememberDevice({ devices }: { devices: Pick<DeviceCookie, 'write'> | null }): Middleware {
  return async function rememberDevice(ctx, next) {
    // The cookie of an answer to Hasura would reach a browser under another host.
    if (ctx.state.hasuraClient === undefined) devices?.write(ctx, requireState(ctx, 'access').username)
    await next()
  }
}
