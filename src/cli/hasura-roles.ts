import type { MetadataRoles } from '../hasura/metadata-tables.ts'
import { CommandError } from './failure.ts'

/**
 * The roles that get permissions. Whoever has the manager's decides what everybody may do: not everybody, and not nobody
 * in particular. And a request without a token is of whichever user its client writes into the headers, so the role of
 * such requests must not be that of every user either. `anonymousRole` is AUTH_ANONYMOUS_ROLE. Throws `usage`.
 */
export function parseRoles(manager: string, user: string, anonymousRole = ''): MetadataRoles {
  const unusable = ['', 'admin', 'anonymous', anonymousRole.trim()]
  if (unusable.includes(manager.trim()) || manager === user)
    throw new CommandError(
      'usage',
      '--manager-role must be a role of its own: not admin, not anonymous, not AUTH_ANONYMOUS_ROLE, and not that of every user',
    )
  if (unusable.includes(user.trim()))
    throw new CommandError(
      'usage',
      '--user-role must be a role that only comes with a token: not admin, not anonymous, not AUTH_ANONYMOUS_ROLE',
    )
  return { manager, user }
}
