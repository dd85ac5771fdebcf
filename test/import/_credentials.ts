/** The `credentialData` of a PBKDF2 hash, as Keycloak exports it. */
export const keycloakPbkdf2 = (algorithm: string) => ({
  hashIterations: 1000,
  algorithm,
  additionalParameters: {},
})

/** The `credentialData` of an argon2id hash, as Keycloak exports it. */
export const keycloakArgon2 = {
  hashIterations: 5,
  algorithm: 'argon2',
  additionalParameters: {
    hashLength: ['32'],
    memory: ['7168'],
    type: ['id'],
    version: ['1.3'],
    parallelism: ['1'],
  },
}
