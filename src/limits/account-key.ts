/**
 * What counts as one account, for whatever somebody types as a username. Coarser than the database, which knows users
 * without regard to case in its own way: two spellings of one user are always one account here, and users whose names
 * differ in accents alone share their limits.
 */
export function accountKey(username: string): string {
  const bare = username.normalize('NFKD').replace(/\p{M}/gu, '')
  // There and back: İ and ı, ς and σ, ß and SS are the same in capitals.
  return bare.toUpperCase().normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ')
}
