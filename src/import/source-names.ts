/** The names of all sources but Claimgate's own export, in the order of the documentation. The help loads nothing else. */
export const sourceNames = [
  'seed',
  'hasura-backend-plus',
  'hasura-auth',
  'supabase',
  'auth0',
  'firebase',
  'keycloak',
  'csv',
] as const

/** The name of a source. */
export type SourceName = (typeof sourceNames)[number]
