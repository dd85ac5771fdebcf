/** One field or argument: its GraphQL type, and what it is in words. */
type Member = { type: string; description: string }

/** What an operation takes and gives, and which of Hasura's roles may call it. */
export type Description = {
  kind: 'query' | 'mutation'
  description: string
  arguments: Readonly<Record<string, Member>>
  result: string
  /** Clients that have no token may call it too, and not only those who are signed in. */
  isOpen: boolean
}

/** An object type: its fields. */
export type ObjectType = { description: string; fields: Readonly<Record<string, Member>> }

// Hasura refuses a type that has the name of a tracked table, such as `user` or `session`, hence the `Auth`.
const session = 'AuthSession!'
const done = 'AuthDone!'

/**
 * Everything that can be done through Hasura: name → description. The remote schema, `hasura/actions.graphql` and
 * `hasura/actions.yaml` are made from this table and the next.
 */
export const operations = {
  signup: {
    kind: 'mutation',
    description: 'Makes a user with a password and signs them in.',
    arguments: {
      username: { type: 'String!', description: '1 to 255 characters, unique without regard to case.' },
      password: { type: 'String!', description: 'What the password policy of the gateway allows.' },
      confirmPassword: { type: 'String!', description: 'The same password once more.' },
      email: { type: 'String', description: 'Only noted: nobody has proven it.' },
    },
    result: session,
    isOpen: true,
  },
  login: {
    kind: 'mutation',
    description: 'Signs a user in with their password.',
    arguments: {
      username: { type: 'String!', description: 'In upper or lower case.' },
      password: { type: 'String!', description: 'Exactly as it was set.' },
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
    description: 'Turns the one-time code of a provider sign-in into a session.',
    arguments: {
      code: { type: 'String!', description: 'The `code` that came back with the redirect.' },
      codeVerifier: {
        type: 'String',
        description: 'Needed if the sign-in was started with a `code_challenge` (PKCE).',
      },
    },
    result: session,
    isOpen: true,
  },
  logout: {
    kind: 'mutation',
    description: 'Ends the session of a refresh token. Ending what has ended already is a success.',
    arguments: {
      refreshToken: { type: 'String!', description: 'Any refresh token of the session, also a used one.' },
      everywhere: { type: 'Boolean', description: 'Whether to end all sessions of the user.' },
    },
    result: done,
    isOpen: true,
  },
  changePassword: {
    kind: 'mutation',
    description: 'Changes the password of the signed-in user and ends their other sessions.',
    arguments: {
      currentPassword: { type: 'String', description: 'Needed unless the user has no password yet.' },
      newPassword: { type: 'String!', description: 'What the password policy of the gateway allows.' },
    },
    result: done,
    isOpen: false,
  },
  me: {
    kind: 'query',
    description: 'The signed-in user.',
    arguments: {},
    result: 'AuthUser!',
    isOpen: false,
  },
  providers: {
    kind: 'query',
    description: 'How people can sign in here.',
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
    description: 'A session: who signed in, and the tokens that prove it.',
    fields: {
      id: { type: 'ID!', description: 'The id of the user.' },
      username: { type: 'String!', description: 'The name of the user, as it was chosen.' },
      roles: { type: '[String!]!', description: 'What the user may be in Hasura, sorted.' },
      defaultRole: { type: 'String!', description: 'The role of a request that names none.' },
      token: { type: 'String!', description: 'The access token (JWT).' },
      tokenType: { type: 'String!', description: '`Bearer`: what stands before the token in Authorization.' },
      expiresIn: { type: 'Int!', description: 'Seconds that the access token lives.' },
      refreshToken: { type: 'String!', description: 'For `refreshToken` and `logout`.' },
      refreshExpiresIn: { type: 'Int!', description: 'Seconds that the refresh token lives.' },
    },
  },
  AuthUser: {
    description: 'What users may know of themselves.',
    fields: {
      id: { type: 'ID!', description: 'The id of the user.' },
      username: { type: 'String!', description: 'The name of the user, as it was chosen.' },
      email: { type: 'String', description: 'The e-mail address, if there is one.' },
      roles: { type: '[String!]!', description: 'What the user may be in Hasura, sorted.' },
      defaultRole: { type: 'String!', description: 'The role of a request that names none.' },
      identities: { type: '[AuthIdentity!]!', description: 'The providers that are linked.' },
      createdAt: { type: 'String!', description: 'When the user was made (RFC 3339).' },
    },
  },
  AuthIdentity: {
    description: 'A user as a provider knows them.',
    fields: {
      provider: { type: 'String!', description: 'The name of the provider, such as `github`.' },
      subject: { type: 'String!', description: "The provider's own name for the user; it never changes." },
      email: { type: 'String', description: 'The e-mail address there, if the provider says it.' },
    },
  },
  AuthProvider: {
    description: 'A way to sign in.',
    fields: {
      name: { type: 'String!', description: 'The name, such as `github`; `local` is the password.' },
      label: { type: 'String!', description: 'The name for people, such as for a button.' },
      flow: { type: 'String!', description: '`password` or `redirect`.' },
      url: { type: 'String!', description: 'Where it begins: the address to visit, or `/login`.' },
    },
  },
  AuthDone: {
    description: 'The answer of what has nothing to say.',
    fields: { ok: { type: 'Boolean!', description: 'Always true; a failure is an error.' } },
  },
}
