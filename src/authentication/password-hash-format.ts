const bcrypt = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/
const argon2id =
  /^\$argon2id\$(?:v=(\d{1,3})\$)?m=(\d{1,10}),t=(\d{1,10}),p=([1-9]\d{0,2})\$[A-Za-z\d+/]{11,86}\$[A-Za-z\d+/]{16,86}$/

/** The minimum cost of an argon2id hash: KiB of memory, and passes over it. */
export type Argon2Cost = { memoryCost: number; timeCost: number }

/**
 * The maximum costs of a stored hash. One verification takes at most about three seconds and 128 MiB, and every common
 * program stays below.
 */
const maxCosts = { bcrypt: 15, memoryMiB: 128, passes: 16, lanes: 16 }

/** Returns true for a bcrypt or argon2id hash, of any cost. */
export function isPasswordHash(text: string): boolean {
  // The column has 255 characters.
  return text.length <= 255 && (bcrypt.test(text) || argon2id.test(text))
}

/** Returns the cost for which the gateway does not verify a hash, as text; null for a bounded cost. */
export function findExcessiveCost(hash: string): string | null {
  const cost = bcryptCostOf(hash)
  if (cost !== null && cost > maxCosts.bcrypt) return `bcrypt cost ${cost}, at most ${maxCosts.bcrypt}`
  const [memory = 0, passes = 0, lanes = 0] = (argon2id.exec(hash) ?? []).slice(2).map(Number)
  if (memory > maxCosts.memoryMiB * 1024) return `argon2id m=${memory}, at most ${maxCosts.memoryMiB * 1024}`
  if (passes > maxCosts.passes) return `argon2id t=${passes}, at most ${maxCosts.passes}`
  if (lanes > maxCosts.lanes) return `argon2id p=${lanes}, at most ${maxCosts.lanes}`
  return null
}

/** Returns true for a hash that the gateway verifies. Any other text matches no password. */
export function isUsableHash(text: string): boolean {
  return isPasswordHash(text) && findExcessiveCost(text) === null
}

/** Returns the cost of a bcrypt hash; null for any other hash. */
export function bcryptCostOf(hash: string): number | null {
  const cost = bcrypt.exec(hash)?.[1]
  return cost === undefined ? null : Number(cost)
}

/** Returns true for an argon2id hash of version 19 with at least this cost. */
export function isArgon2Of(hash: string, { memoryCost, timeCost }: Argon2Cost): boolean {
  const [, version, memory, time] = argon2id.exec(hash) ?? []
  return version === '19' && Number(memory) >= memoryCost && Number(time) >= timeCost
}
