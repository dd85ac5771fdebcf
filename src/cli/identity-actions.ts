import { GatewayError } from '../errors.ts'
import { createIdentities } from '../stores/identities.ts'
import { createUserAdmin } from '../stores/user-admin.ts'
import type { OpenDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findUser, userNotFound } from './find.ts'
import { type Output, printable, quote, table } from './output.ts'

/** Lists the identities of a user. Throws `user_not_found`. */
export async function listIdentities({ database }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const user = await createUserAdmin(database).findDetails(id)
  if (user === null) throw userNotFound(nameOrId)
  const { identities } = user
  const rows = identities.map((identity) => [
    identity.provider,
    identity.subject,
    identity.email,
    identity.emailVerified,
    identity.createdAt,
    identity.lastUsedAt,
  ])
  const headings = ['PROVIDER', 'SUBJECT', 'E-MAIL', 'VERIFIED', 'LINKED', 'LAST USED']
  return { document: { id, username, identities }, text: table(headings, rows, 'No identities.') }
}

/** Unlinks a provider from a user. Throws `user_not_found`, `identity_not_found` and `last_way_in`. */
export async function unlinkIdentity(
  { database, now }: OpenDeployment,
  nameOrId: string,
  provider: string,
): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const unlinked = await createIdentities(database)
    .unlink(provider, id, null, now)
    .catch((error: unknown) => {
      if (!(error instanceof GatewayError) || error.code !== 'last_way_in') throw error
      throw new CommandError(
        'last_way_in',
        `${quote(username)} has no other way to sign in; set a password first: claimgate user set-password ${printable(username)}`,
      )
    })
  if (!unlinked)
    throw new CommandError(
      'identity_not_found',
      `${quote(username)} has no identity of the provider ${quote(provider)}; list identities with: claimgate identity list ${printable(username)}`,
    )
  return {
    document: { id, username, provider },
    text: `Unlinked ${printable(provider)} from ${quote(username)}, and ended the sessions that began with it.`,
  }
}
