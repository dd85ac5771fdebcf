const bcrypt = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/
const argon2id =
  /^\$argon2id\$(?:v=(\d{1,3})\$)?m=(\d{1,10}),t=(\d{1,10}),p=[1-9]\d{0,2}\$[A-Za-z\d+/]{11,86}\$[A-Za-z\d+/]{16,86}$/

/** The minimum cost of an argon2id hash: KiB of memory, and passes over it. */
export type Argon2Cost = { memoryCost: number; timeCost: number }

/** Returns true for a bcrypt or argon2id hash. Any other text matches no password. */
export function isPasswordHash(text: string): boolean {
  // The column has 255 characters.
  return text.length <= 255 && (bcrypt.test(text) || argon2id.test(text))
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
