import * as z from 'zod'
import { isStorableJson, unreadableArray } from '../claims/claim-value.ts'
import {
  type ClaimsValues,
  createHasuraClaims,
  createNamespace,
  createSessionVariable,
  isClaimName,
} from '../claims/hasura-claims.ts'
import { createWebhookAnswer } from '../endpoints/webhook.ts'
import { warnOfLength } from '../http/header-size.ts'
import { breaks, storableText, validate } from '../http/validate.ts'
import { findGrants } from '../stores/access.ts'
import { createUserClaims } from '../stores/user-admin.ts'
import { estimateLength } from '../tokens/access-token.ts'
import type { OpenDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findUser } from './find.ts'
import { list, type Output, printable, quote } from './output.ts'

/** Shows the claims of a user in the access token and the webhook. Throws `user_not_found`, `user_inactive` and `role_denied`. */
export async function preview(
  { database, config }: OpenDeployment,
  nameOrId: string,
  { role }: { role?: string },
): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const grants = await findGrants(database, id)
  if (grants === null) {
    throw new CommandError(
      'user_inactive',
      `${quote(username)} is deactivated and gets no claims; activate with: claimgate user activate`,
    )
  }
  const claims = createHasuraClaims(grants, config.roles)
  if (role && !claims.allowedRoles.includes(role)) {
    throw new CommandError(
      'role_denied',
      `${quote(username)} does not have the role ${quote(role)}; grant it with: claimgate role grant`,
    )
  }
  const { idle, absolute } = config.sessionLifetimes
  const token = createNamespace(claims, config)
  const webhook = createWebhookAnswer(claims, role, Math.min(config.accessTokenLifetime, idle, absolute))
  const { leftOut } = claims
  const warnings = [
    leftOut.length > 0 && `left out, because Hasura must not receive them: ${leftOut.join(', ')}`,
    warnOfLength(estimateLength(username, claims, config)),
  ].filter((warning) => typeof warning === 'string')
  return {
    document: { id, username, token, webhook, leftOut },
    text: formatClaims(token, webhook, config.roles),
    warning: warnings.length > 0 ? warnings.join('; ') : undefined,
  }
}

type Form = { claimsValues: ClaimsValues }

function formatClaims(token: Record<string, unknown>, webhook: Record<string, unknown>, form: Form): string {
  const [[namespace, members]] = Object.entries(token) as [[string, Record<string, unknown> | string]]
  const inToken = typeof members === 'string' ? members : list(toLines(members, form))
  return `In the access token, under ${namespace}:\n\n${inToken}\n\nFrom the webhook:\n\n${list(toLines(webhook, form))}`
}

/** Returns the members as text; as JSON where the types matter. */
function toLines(members: Record<string, unknown>, { claimsValues }: Form): Record<string, string> {
  const toLine = (value: unknown) => (Array.isArray(value) ? value.join(', ') : String(value))
  const form = claimsValues === 'json' ? JSON.stringify : toLine
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, form(value)]))
}

const createClaimSchema = (values: ClaimsValues) =>
  z.object({
    name: z
      .string()
      .refine(
        isClaimName,
        'must be lower-case letters, digits, - and _, and not a name that is reserved for roles',
      )
      .refine(
        (name) => !name.startsWith('x-hasura-'),
        'must be without the prefix x-hasura-, which is added to every claim',
      ),
    value: storableText(10_000)
      .refine((text) => text !== 'null', 'must not be null; remove a claim with: claimgate claims unset')
      .refine(
        (text) => isStorableJson(JSON.stringify(parseIfJson(text))),
        breaks('unstorable', 'has a character that cannot be stored'),
      )
      .refine(
        (text) => createSessionVariable(JSON.stringify(parseIfJson(text)), values) !== undefined,
        unreadableArray,
      ),
  })

/** Sets a claim to a JSON value, or else to the text. Throws `user_not_found` and `validation_failed`. */
export async function setClaim(
  { database, config }: OpenDeployment,
  nameOrId: string,
  name: string,
  value: string,
): Promise<Output> {
  const { claimsValues } = config.roles
  validate(createClaimSchema(claimsValues), { name, value })
  const { id, username } = await findUser(database, nameOrId)
  const parsed = parseIfJson(value)
  await createUserClaims(database).set(id, name, parsed)
  const variable = createSessionVariable(JSON.stringify(parsed), claimsValues)
  const shown = claimsValues === 'json' ? JSON.stringify(variable) : String(variable)
  return {
    document: { id, username, name, value: parsed },
    text: `${quote(username)} now has x-hasura-${name}: ${printable(shown)}`,
  }
}

/** Removes a claim. Throws `user_not_found`. */
export async function unsetClaim(
  { database }: OpenDeployment,
  nameOrId: string,
  name: string,
): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const changed = await createUserClaims(database).remove(id, name)
  const text = `${quote(username)} ${changed ? 'no longer has' : 'did not have'} ${quote(`x-hasura-${name}`)}.`
  return { document: { id, username, name, changed }, text }
}

/** Parses JSON, or returns the text. A number above the safe integers stays text, which is the same session variable. */
function parseIfJson(text: string) {
  try {
    return JSON.parse(text, (_name, value) => {
      if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) throw new RangeError()
      return value
    })
  } catch {
    return text
  }
}
