import * as z from 'zod'
import { anyList, flag, listOf, text, time } from './fields.ts'
import type { FileSource, FileUser } from './file-source.ts'
import { parseObject } from './member.ts'
import type { Note } from './read-users.ts'

const credential = z.object({
  type: z.string(),
  value: text,
  secretData: text,
  credentialData: text,
  // Realms before Keycloak 8 have the parts of a hash as members.
  algorithm: text,
  hashIterations: text,
  salt: text,
  hashedSaltedValue: text,
})

const user = z.object({
  id: text,
  username: text,
  email: text,
  emailVerified: flag,
  enabled: flag,
  totp: flag,
  createdTimestamp: time,
  serviceAccountClientId: text,
  credentials: listOf(credential),
  requiredActions: anyList,
  realmRoles: listOf(z.string()),
  groups: listOf(z.string()),
  federatedIdentities: listOf(z.object({ identityProvider: z.string(), userId: text })),
})

const group = z.looseObject({ path: text, name: text, realmRoles: listOf(z.string()), subGroups: anyList })
const groupList = listOf(z.unknown()).catch([])
const providerList = listOf(z.object({ alias: z.string(), providerId: z.string() })).catch([])

/** The roles that Keycloak gives to every user for its own pages. */
const ownRoles = /^(offline_access|uma_authorization|default-roles-.*)$/

/** The providers that Keycloak knows by themselves, and that have the same subjects here. */
const socialProviders = new Set([
  'bitbucket',
  'facebook',
  'github',
  'gitlab',
  'google',
  'instagram',
  'linkedin-openid-connect',
  'microsoft',
  'paypal',
  'stackoverflow',
  'twitter',
])

/**
 * Users of Keycloak, as `kc.sh export` writes a realm with its users. Roles by group are roles of the user. Roles inside
 * composite roles, and roles of clients, are not imported.
 */
export const keycloak: FileSource = {
  name: 'keycloak',
  findFormat: (start) => (start.startsWith('{') ? 'users' : null),
  expected:
    'the JSON of one realm with its users, by kc.sh export --realm <realm> --users same_file (the export of the admin console has no users)',
  members: ['groups', 'identityProviders'],
  rolePaths: [],
  remark: ({ names, members }) => [
    ...(names.has('groups') && !members.has('groups')
      ? ['The file has no groups of the realm: roles by group are not imported.']
      : []),
    ...(names.has('federatedIdentities') && !members.has('identityProviders')
      ? [
          'The file does not say which provider is behind an alias: an identity of the alias google is one of Google, and so on.',
        ]
      : []),
  ],
  createReader: ({ members }) => {
    const rolesOfGroups = readGroups(members.get('groups'))
    const aliases = members.has('identityProviders')
      ? new Map(
          providerList
            .parse(members.get('identityProviders'))
            .map(({ alias, providerId }) => [alias, providerId]),
        )
      : null
    return (row) => {
      const found = user.parse(row)
      if (found.serviceAccountClientId !== null) return null
      const roles = [
        ...found.realmRoles.filter((role) => !ownRoles.test(role)),
        ...found.groups.flatMap((path) => rolesOfGroups.get(path) ?? []),
      ]
      const { identities, notes } = readIdentities(found.federatedIdentities, aliases)
      const factor = found.credentials.find(({ type }) => type === 'otp' || type.startsWith('webauthn'))
      return {
        id: found.id,
        username: found.username,
        ...readPassword(found.credentials, found.requiredActions, notes),
        email: found.email,
        emailVerified: found.emailVerified === true,
        // Keycloak imports a user without this member as not enabled.
        active: found.enabled === true,
        anonymous: false,
        createdAt: found.createdTimestamp,
        secondFactor: factor?.type ?? (found.totp ? 'totp' : null),
        roles,
        defaultRole: null,
        identities,
      }
    }
  },
}

/** Returns the roles of each group by its path. A group has the roles of the groups around it. */
function readGroups(value: unknown): Map<string, string[]> {
  const roles = new Map<string, string[]>()
  const open = groupList.parse(value).map((each) => ({ each, above: '', inherited: [] as string[] }))
  for (const { each, above, inherited } of open) {
    const { data } = group.safeParse(each)
    if (data === undefined) continue
    const path = data.path ?? `${above}/${data.name}`
    const all = [...inherited, ...data.realmRoles.filter((role) => !ownRoles.test(role))]
    roles.set(path, all)
    open.push(...data.subGroups.map((inner) => ({ each: inner, above: path, inherited: all })))
  }
  return roles
}

/** Names the provider behind each alias. An alias such as `google` for another kind of provider is left out. */
function readIdentities(
  links: { identityProvider: string; userId: string | null }[],
  aliases: ReadonlyMap<string, string> | null,
): { identities: FileUser['identities']; notes: Note[] } {
  const notes: Note[] = []
  const identities = links.flatMap(({ identityProvider: alias, userId }) => {
    const kind = aliases === null ? alias : (aliases.get(alias) ?? '')
    if (socialProviders.has(kind)) return [{ provider: kind, subject: userId ?? '' }]
    if (!socialProviders.has(alias)) return [{ provider: alias, subject: userId ?? '' }]
    notes.push({
      code: 'invalid_identity',
      detail: `the alias ${alias} of the realm is of the kind ${kind || 'that the file does not have'}`,
    })
    return []
  })
  return { identities, notes }
}

/** Returns the hash as text for the column `password`, and what is to say about it. */
function readPassword(
  credentials: z.infer<typeof credential>[],
  requiredActions: readonly unknown[],
  notes: Note[],
): { password: string | null; notes: Note[] } {
  const found = credentials.find(({ type }) => type === 'password')
  const unusable = (code: 'unknown_hash' | 'temporary_password', detail: string) => ({
    password: null,
    notes: [...notes, { code, detail }],
  })
  if (found === undefined) return { password: null, notes }
  if (requiredActions.includes('UPDATE_PASSWORD')) return unusable('temporary_password', 'UPDATE_PASSWORD')
  if (found.value !== null) return unusable('unknown_hash', 'plain text')
  const password = writeHash(found)
  return password === null ? unusable('unknown_hash', 'no salt or no hash') : { password, notes }
}

const jsonText = text.transform((value) => (value === null ? {} : (parseObject(value) ?? {})))
const first = z.array(text).transform(([value]) => value ?? '')
const secret = jsonText.pipe(z.object({ value: text.default(null), salt: text.default(null) }))
const parameters = jsonText.pipe(
  z.object({
    algorithm: text.default(null),
    hashIterations: text.default(null),
    additionalParameters: z
      .object({ type: first, memory: first, parallelism: first, version: first.optional() })
      .optional()
      .catch(undefined),
  }),
)

function writeHash(found: z.infer<typeof credential>): string | null {
  const { value, salt } = secret.safeParse(found.secretData).data ?? { value: null, salt: null }
  const data = parameters.safeParse(found.credentialData).data
  const hash = value ?? found.hashedSaltedValue
  const seed = salt ?? found.salt
  if (hash === null || seed === null) return null
  const algorithm = data?.algorithm ?? found.algorithm ?? ''
  const iterations = data?.hashIterations ?? found.hashIterations ?? ''
  if (algorithm !== 'argon2') return `$${algorithm}$i=${iterations}$${seed}$${hash}`
  const { type = '', memory = '', parallelism = '', version } = data?.additionalParameters ?? {}
  return `$argon2${type}$v=${version === '1.0' ? 16 : 19}$m=${memory},t=${iterations},p=${parallelism}$${seed}$${hash}`
}
