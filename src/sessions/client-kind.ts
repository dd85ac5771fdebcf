import { maskAddress } from '../http/ip-address.ts'
import type { ClientKind } from '../stores/session-reuse.ts'

// In this order: the browsers on Chromium name Chrome too, and all name Safari.
const families = [
  ['edge', /\b(?:Edg|EdgA|EdgiOS)\//],
  ['opera', /\b(?:OPR|OPT)\//],
  ['samsung', /\bSamsungBrowser\//],
  ['firefox', /\b(?:Firefox|FxiOS)\//],
  ['chrome', /\b(?:Chrome|CriOS)\//],
  ['safari', /\bSafari\//],
] as const

// Android names Linux too, and an iPhone names Mac OS X.
const platforms = [
  ['ios', /\b(?:iPhone|iPad|iPod)\b/],
  ['android', /\bAndroid\b/],
  ['windows', /\bWindows\b/],
  ['chromeos', /\bCrOS\b/],
  ['macos', /\bMac OS X\b|\bMacintosh\b/],
  ['linux', /\bLinux\b/],
] as const

/**
 * Returns the kind of a client: the family and platform of its browser without versions, which change with an update,
 * and its network (IPv4 /24, IPv6 /48). Another program is known by the name that begins its `User-Agent`. Null for an
 * unknown network.
 */
export function clientKind(userAgent: string, address: string): ClientKind {
  const network = maskAddress(address)
  if (network === undefined) return null
  const find = (table: readonly (readonly [string, RegExp])[]) =>
    table.find(([, pattern]) => pattern.test(userAgent))?.[0]
  const program = /^[\w.+-]{1,50}/.exec(userAgent)?.[0] ?? 'unknown'
  return `${find(families) ?? program} ${find(platforms) ?? 'unknown'} ${network}`
}
