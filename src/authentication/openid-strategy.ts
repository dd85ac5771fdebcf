import { randomBytes } from 'node:crypto'
import type { Strategy } from 'passport'
import * as z from 'zod'
import type { Context, IdTokenClaims, ProfileIdentity, ProviderProfile } from '../context.ts'
import type { RelyingParty } from './relying-party.ts'
import type { StateCookie } from './state-cookie.ts'
import { createVerifyProfile } from './verify-profile.ts'

type OpenIdStrategyOptions = {
  relyingParty: RelyingParty
  /** Absolute, from AUTH_PUBLIC_URL. */
  callbackUrl: string
  /** Keeps the secrets of a sign-in until its callback. */
  stateCookie: Pick<StateCookie, 'begin'>
}

const standardClaims = z.looseObject({
  sub: z.string(),
  preferred_username: z.string().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
  email_verified: z.unknown().optional(),
})

/** Reads the standard claims (OpenID Connect Core, section 5.1). Only the boolean `true` makes an address verified. */
function readStandardClaims(claims: unknown): ProfileIdentity {
  const { sub, preferred_username: username, email, email_verified } = standardClaims.parse(claims)
  return { subject: sub, username, email, emailVerified: email_verified === true }
}

/** Reads the user of the claims of a checked ID token. Throws `provider_error` for claims without a subject. */
export async function readUser(
  { provider: { name, identity = readStandardClaims } }: Pick<RelyingParty, 'provider'>,
  claims: IdTokenClaims,
): Promise<ProviderProfile> {
  const verify = createVerifyProfile({ name, identity })
  return new Promise((resolve, reject) => {
    verify('', '', claims, (error, profile) => (profile ? resolve({ ...profile, claims }) : reject(error)))
  })
}

/** The members that Passport adds to a strategy for one request. */
type Actions = {
  redirect(url: string): void
  success(profile: object): void
  error(error: unknown): void
}

/** Creates the Passport strategy of an OpenID provider, with state, nonce and PKCE in the state cookie. */
export function createOpenIdStrategy({
  relyingParty,
  callbackUrl,
  stateCookie,
}: OpenIdStrategyOptions): Strategy {
  const { name } = relyingParty.provider

  async function start(ctx: Context): Promise<URL> {
    // A provider that is away leaves no cookie behind.
    await relyingParty.readMetadata()
    const secret = () => randomBytes(32).toString('base64url')
    const secrets = { nonce: secret(), codeVerifier: secret() }
    const state = await stateCookie.begin(ctx, name, callbackUrl, secrets)
    const { hints = {}, start } = ctx.state
    return relyingParty.authorizationUrl(
      { ...secrets, state },
      { ...hints, isStepUp: start?.stepUp !== undefined },
    )
  }

  async function authenticate(ctx: Context, actions: Actions): Promise<void> {
    const { callback, flow } = ctx.state
    if (callback?.code === undefined || !flow) return actions.redirect((await start(ctx)).href)
    const claims = await relyingParty.redeem({ code: callback.code, iss: callback.iss }, flow)
    actions.success(await readUser(relyingParty, claims))
  }

  const strategy = {
    name,
    authenticate(this: Actions, req: unknown) {
      authenticate((req as { ctx: Context }).ctx, this).catch((error: unknown) => this.error(error))
    },
  }
  return strategy as unknown as Strategy
}
