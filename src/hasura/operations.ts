/** A field or an argument, with its GraphQL type. */
type Member = { type: string; description: string }

/** The signature of an operation. */
export type Description = {
  kind: 'query' | 'mutation'
  description: string
  arguments: Readonly<Record<string, Member>>
  result: string
  /** True when clients without a token may call it too. */
  isOpen: boolean
}

/** An object type with its fields. */
export type ObjectType = { description: string; fields: Readonly<Record<string, Member>> }

// Hasura rejects a type with the name of a tracked table, such as `user` or `session`, hence the prefix `Auth`.
const session = 'AuthSession!'
const done = 'AuthDone!'

/**
 * The operations that Hasura offers: name → signature. The remote schema, `hasura/actions.graphql` and
 * `hasura/actions.yaml` are generated from this table and `objectTypes`.
 */
export const operations = {
  signup: {
    kind: 'mutation',
    description: 'Creates a user with a password and returns a session.',
    arguments: {
      username: { type: 'String!', description: '1 to 255 characters, unique without regard to case.' },
      password: { type: 'String!', description: 'Must satisfy the password policy of the gateway.' },
      confirmPassword: { type: 'String!', description: 'The same password again.' },
      email: { type: 'String', description: 'Stored as unverified.' },
    },
    result: session,
    isOpen: true,
  },
  login: {
    kind: 'mutation',
    description: 'Signs a user in with username and password.',
    arguments: {
      username: {
        type: 'String!',
        description: 'Compared without regard to case and white space around it.',
      },
      password: { type: 'String!', description: 'Compared exactly.' },
    },
    result: session,
    isOpen: true,
  },
  refreshToken: {
    kind: 'mutation',
    description: 'Continues a session with its next pair of tokens. Each refresh token works once.',
    arguments: { refreshToken: { type: 'String!', description: 'The newest refresh token of the session.' } },
    result: session,
    isOpen: true,
  },
  exchangeCode: {
    kind: 'mutation',
    description: 'Exchanges a one-time code of a provider sign-in for a session.',
    arguments: {
      code: { type: 'String!', description: 'The parameter `code` of the redirect.' },
      codeVerifier: {
        type: 'String',
        description: 'Required if the sign-in was started with a `code_challenge` (PKCE).',
      },
    },
    result: session,
    isOpen: true,
  },
  logout: {
    kind: 'mutation',
    description: 'Ends the session of a refresh token. Succeeds also when the session has already ended.',
    arguments: {
      refreshToken: { type: 'String!', description: 'Any refresh token of the session, also a used one.' },
      everywhere: { type: 'Boolean', description: 'True ends all sessions of the user.' },
    },
    result: done,
    isOpen: true,
  },
  changePassword: {
    kind: 'mutation',
    description:
      'Changes the password of the signed-in user and ends their other sessions. A first password requires a fresh authentication.',
    arguments: {
      currentPassword: { type: 'String', description: 'Required if the user has a password.' },
      newPassword: { type: 'String!', description: 'Must satisfy the password policy of the gateway.' },
    },
    result: done,
    isOpen: false,
  },
  stepUp: {
    kind: 'mutation',
    description:
      'Authenticates the signed-in user again, in the same session, and returns its next pair of tokens. Changes of the ways to sign in require a fresh authentication.',
    arguments: {
      method: { type: 'String!', description: '`password`.' },
      password: { type: 'String!', description: 'The password of the signed-in user.' },
    },
    result: session,
    isOpen: false,
  },
  me: {
    kind: 'query',
    description: 'Returns the signed-in user.',
    arguments: {},
    result: 'AuthUser!',
    isOpen: false,
  },
  providers: {
    kind: 'query',
    description: 'Returns the sign-in methods of the gateway.',
    arguments: {},
    result: '[AuthProvider!]!',
    isOpen: true,
  },
} as const satisfies Record<string, Description>

/** The name of an operation. */
export type OperationName = keyof typeof operations

/** The object types of the results: name → fields. */
export const objectTypes: Readonly<Record<string, ObjectType>> = {
  AuthSession: {
    description: 'A session: the user and the tokens.',
    fields: {
      id: { type: 'ID!', description: 'The id of the user.' },
      username: { type: 'String!', description: 'The username, as the user chose it.' },
      emailVerified: { type: 'Boolean!', description: 'True for an e-mail address that was proven.' },
      roles: { type: '[String!]!', description: 'The roles of the user in Hasura, sorted.' },
      defaultRole: { type: 'String!', description: 'The role of a request without `X-Hasura-Role`.' },
      level: { type: 'Int!', description: 'The level of the authentication: 1.' },
      token: { type: 'String!', description: 'The access token (JWT).' },
      tokenType: { type: 'String!', description: '`Bearer`, the scheme of the header Authorization.' },
      expiresIn: { type: 'Int!', description: 'The lifetime of the access token, in seconds.' },
      refreshToken: { type: 'String!', description: 'The refresh token for `refreshToken` and `logout`.' },
      refreshExpiresIn: { type: 'Int!', description: 'The lifetime of the refresh token, in seconds.' },
    },
  },
  AuthUser: {
    description: 'The signed-in user.',
    fields: {
      id: { type: 'ID!', description: 'The id of the user.' },
      username: { type: 'String!', description: 'The username, as the user chose it.' },
      email: { type: 'String', description: 'The e-mail address; null without one.' },
      emailVerified: { type: 'Boolean!', description: 'True for an e-mail address that was proven.' },
      roles: { type: '[String!]!', description: 'The roles of the user in Hasura, sorted.' },
      defaultRole: { type: 'String!', description: 'The role of a request without `X-Hasura-Role`.' },
      level: { type: 'Int!', description: "The level of the session's authentication: 1." },
      identities: { type: '[AuthIdentity!]!', description: 'The linked identities at providers.' },
      createdAt: { type: 'String!', description: 'The time when the user was created (RFC 3339).' },
    },
  },
  AuthIdentity: {
    description: 'The identity of a user at a provider.',
    fields: {
      provider: { type: 'String!', description: 'The name of the provider, such as `github`.' },
      subject: { type: 'String!', description: "The provider's immutable identifier of the user." },
      email: {
        type: 'String',
        description: 'The e-mail address at the provider; null if the provider sends none.',
      },
    },
  },
  AuthProvider: {
    description: 'A sign-in method.',
    fields: {
      name: {
        type: 'String!',
        description: 'The name, such as `github`; `local` means username and password.',
      },
      label: { type: 'String!', description: 'The label of a sign-in button.' },
      flow: { type: 'String!', description: '`password` or `redirect`.' },
      url: {
        type: 'String!',
        description:
          'The URL that starts the sign-in; for `password` the URL of `POST /login`. With `AUTH_PASSWORD_API=false` `local` is a redirect to the sign-in page.',
      },
    },
  },
  AuthDone: {
    description: 'The result of an operation without data.',
    fields: { ok: { type: 'Boolean!', description: 'Always true; a failure is a GraphQL error.' } },
  },
}
