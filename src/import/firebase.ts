import * as z from 'zod'
import { anyList, flag, listOf, requiredText, text, time } from './fields.ts'
import type { FileSource } from './file-source.ts'
import { writeFirebaseHash } from './firebase-hash.ts'
import { readMember } from './member.ts'
import { ImportError } from './problems.ts'

const user = z.object({
  localId: requiredText,
  email: text,
  emailVerified: flag,
  passwordHash: text,
  salt: text,
  displayName: text,
  phoneNumber: text,
  disabled: flag,
  createdAt: time,
  customAttributes: text,
  mfaInfo: anyList,
  providerUserInfo: listOf(z.object({ providerId: z.string(), rawId: text })),
})

const hasHash = z.object({ passwordHash: z.string().min(1) })

/** The names of providers here; other providers keep their name. */
const providers = new Map([
  ['apple.com', 'apple'],
  ['facebook.com', 'facebook'],
  ['github.com', 'github'],
  ['google.com', 'google'],
  ['microsoft.com', 'microsoft'],
  ['twitter.com', 'twitter'],
])

const hasuraClaims = 'customAttributes.https://hasura.io/jwt/claims'

/** Users of Firebase Authentication, as `firebase auth:export users.json` writes them. */
export const firebase: FileSource = {
  name: 'firebase',
  findFormat: (start) => (start.startsWith('{') ? 'users' : null),
  expected: 'the JSON of firebase auth:export, an object with the array users',
  rolePaths: ['customAttributes.roles', 'customAttributes.role', `${hasuraClaims}.x-hasura-allowed-roles`],
  check: (row, { hashConfig, withoutPasswords }) => {
    if (hashConfig === undefined && !withoutPasswords && hasHash.safeParse(row).success)
      throw new ImportError(
        'usage',
        'The file has password hashes, which need the parameters of the project: Firebase console, Authentication, Users, the menu of the list, Password hash parameters. Save them to a file and pass it with --hash-config, or import no password with --without-passwords.',
      )
  },
  remark: ({ names }) =>
    names.has('mfaInfo')
      ? []
      : [
          'An export of the Firebase CLI has no second factors, and only identities of Google, Facebook, Twitter and GitHub. Users who had a second factor sign in without it.',
        ],
  createReader:
    (_seen, { hashConfig }) =>
    (row) => {
      const found = user.parse(row)
      const { email, phoneNumber, displayName, customAttributes, passwordHash } = found
      const identities = found.providerUserInfo
        .filter(({ providerId }) => providerId !== 'password' && providerId !== 'phone')
        .map(({ providerId, rawId }) => ({
          provider: providers.get(providerId) ?? providerId,
          subject: rawId ?? '',
        }))
      const defaultRole = readMember(row, `${hasuraClaims}.x-hasura-default-role`)
      return {
        id: found.localId,
        username: null,
        password: passwordHash && writeFirebaseHash(passwordHash, found.salt ?? '', hashConfig),
        email,
        emailVerified: found.emailVerified === true,
        active: found.disabled !== true,
        anonymous: identities.length === 0 && !email && !phoneNumber && !displayName && !customAttributes,
        createdAt: found.createdAt,
        secondFactor: found.mfaInfo.length > 0 ? 'mfaInfo' : null,
        roles: [],
        defaultRole: typeof defaultRole === 'string' ? defaultRole : null,
        identities,
      }
    },
}
