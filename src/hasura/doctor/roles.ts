import { type Check, failed, ok } from './check.ts'

/** Every role that some permission of a metadata is for. */
export function findRoles(metadata: unknown): Set<string> {
  const found = new Set<string>()
  const visit = (value: unknown, holder: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, holder)
    else if (typeof value === 'object' && value !== null) {
      const { role, role_name } = value as Record<string, unknown>
      if (/permissions$/.test(holder) && typeof role === 'string') found.add(role)
      if (holder === 'inherited_roles' && typeof role_name === 'string') found.add(role_name)
      for (const [name, member] of Object.entries(value)) visit(member, name)
    }
  }
  visit(metadata, '')
  found.delete('admin')
  return found
}

/** Roles that somebody may have here, and roles that Hasura's permissions are for: they should be the same. */
export function checkRoles(
  known: readonly string[],
  used: ReadonlySet<string>,
  anonymousRole: string | null,
): Check[] {
  const given = new Set(known)
  const useless = [...given].filter((role) => role !== 'admin' && !used.has(role)).sort()
  const unknown = [...used].filter((role) => !given.has(role) && role !== anonymousRole).sort()
  return [
    useless.length === 0
      ? ok('roles here', 'each is in a permission of Hasura')
      : failed(
          'roles here',
          `in no permission of Hasura, so whoever acts in it sees nothing: ${useless.join(', ')}`,
          'give permissions to them in Hasura, or delete them; claimgate hasura apply does it for manager and user',
        ),
    unknown.length === 0
      ? ok('roles in Hasura', 'each is known here')
      : failed(
          'roles in Hasura',
          `have permissions, but nobody can have them: ${unknown.join(', ')}`,
          'claimgate role create <role>, or remove the permissions',
        ),
  ]
}
