import * as z from 'zod'
import { anyList, flag, listOf, requiredText, text, time } from './fields.ts'
import type { FileSource } from './file-source.ts'
import { ImportError } from './problems.ts'

const id = z.union([z.string(), z.number()]).transform(String)

const user = z.object({
  user_id: requiredText,
  username: text,
  email: text,
  email_verified: flag,
  blocked: flag,
  created_at: time,
  multifactor: anyList,
  mfa_factors: anyList,
  identities: listOf(z.object({ provider: z.string(), user_id: id })),
})

const passwordRow = z.object({
  _id: z.object({ $oid: z.string() }),
  alt_id: text,
  passwordHash: text,
})

/** The connections that are no provider: the password database, and codes by e-mail and text message. */
const ownConnections = new Set(['auth0', 'email', 'sms'])

/**
 * Users of Auth0: the export job writes one JSON value on each line. The identity of a user at a provider has the
 * subject of the provider.
 */
export const auth0: FileSource = {
  name: 'auth0',
  findFormat: (start) => (start.startsWith('[') ? 'array' : start.startsWith('{') ? 'lines' : null),
  expected: 'the JSON of an export job of Auth0, with one user on each line',
  // Users write user_metadata themselves, so it never has roles.
  rolePaths: ['app_metadata.roles', 'app_metadata.authorization.roles'],
  check: (row) => {
    if (passwordRow.safeParse(row).success && !z.object({ user_id: z.string() }).safeParse(row).success)
      throw new ImportError(
        'layout',
        'The file is the export of password hashes, which does not say who is blocked. Pass the export of users as the file, and this one with --passwords.',
      )
  },
  remark: ({ names }) => [
    ...(names.has('blocked')
      ? []
      : ['No user is blocked in the file. An export job without the field blocked leaves this out.']),
    ...(names.has('identities')
      ? []
      : [
          'The file has no identities: each user gets the identity in user_id alone. Add the field identities to the export job.',
        ]),
    ...(names.has('multifactor') || names.has('mfa_factors')
      ? []
      : ['The file does not say who has a second factor. Users who had one sign in without it.']),
  ],
  createReader:
    (_seen, { passwords }) =>
    (row) => {
      const found = user.parse(row)
      const [, provider = '', subject = ''] = /^([^|]*)\|(.*)$/s.exec(found.user_id) ?? []
      const identities = found.identities.length > 0 ? found.identities : [{ provider, user_id: subject }]
      const ids = [found.user_id, ...identities.map((each) => `${each.provider}|${each.user_id}`)]
      const factors = found.multifactor.length + found.mfa_factors.length
      return {
        id: found.user_id,
        username: found.username,
        password: ids.map((each) => passwords?.get(each)).find((hash) => hash !== undefined) ?? null,
        email: found.email,
        emailVerified: found.email_verified === true,
        active: found.blocked !== true,
        anonymous: false,
        createdAt: found.created_at,
        secondFactor: factors > 0 ? 'multifactor' : null,
        roles: [],
        defaultRole: null,
        identities: identities
          .filter((each) => !ownConnections.has(each.provider))
          .map((each) => ({
            provider: each.provider === 'google-oauth2' ? 'google' : each.provider,
            subject: each.user_id,
          })),
      }
    },
}

/** Returns the user id and hash in a row of the export of password hashes. Throws ZodError for another row. */
export function readAuth0Password(row: unknown): { id: string; hash: string | null } {
  const { _id, alt_id, passwordHash } = passwordRow.parse(row)
  return { id: `auth0|${alt_id ?? _id.$oid}`, hash: passwordHash }
}
