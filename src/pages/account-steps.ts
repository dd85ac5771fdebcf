import type { Clock, Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { PageSessions } from '../stores/page-sessions.ts'
import type { Sessions } from '../stores/sessions.ts'
import type { Users } from '../stores/users.ts'
import { type Account, type AccountNews, accountPage } from './account-page.ts'
import { type ShowAgain, seeOther } from './failure.ts'
import type { Show } from './show.ts'
import { describeTrouble, readError } from './trouble.ts'
import { requireVisitor } from './visitor.ts'

export type AccountDeps = {
  users: Pick<Users, 'findProfile' | 'findHash'>
  sessions: Pick<Sessions, 'list'>
  pageSessions: Pick<PageSessions, 'revokeOthers'>
  clock: Clock
  /** The absolute address of the account page. */
  url: string
}

/** The steps of the account page. They come after the claims proxy. */
export function createAccountSteps(show: Show, base: string, deps: AccountDeps) {
  const { users, sessions, pageSessions, clock } = deps

  async function readAccount(ctx: Context): Promise<Account> {
    const { access, claims } = ctx.state
    if (!access || !claims) throw new GatewayError('invalid_token')
    const [profile, hash, list] = await Promise.all([
      users.findProfile(access.userId),
      users.findHash(access.userId),
      sessions.list(access.userId, clock()),
    ])
    if (!profile) throw new GatewayError('invalid_token')
    return {
      access,
      roles: claims.allowedRoles,
      hasPassword: hash !== null,
      linked: new Set(profile.identities.map(({ provider }) => provider)),
      sessions: list,
    }
  }

  const showAccount = async (ctx: Context, status: number, error: GatewayError | null): Promise<void> => {
    const account = await readAccount(ctx)
    const secret = account.hasPassword ? 'currentPassword' : 'newPassword'
    const news: AccountNews = {
      done: (page) => (error ? null : readDone(ctx, page)),
      trouble: (page) => error && describeTrouble(error, page, ctx.state.form ? { secret } : null),
    }
    show(ctx, status, accountPage(account, news))
    // Whoever has opened it keeps no hold on it. An app may need that of the page to sign in: it can be in a pop-up.
    ctx.set('Cross-Origin-Opener-Policy', 'same-origin')
  }

  return {
    account: ((ctx) => showAccount(ctx, 200, readError(ctx))) satisfies Middleware as Middleware,
    showAccountAgain: ((ctx, error) => showAccount(ctx, error.status, error)) as ShowAgain,

    /** Comes back to the account page, with a word about what the steps to its right have done. */
    done: (what: Done): Middleware =>
      async function done(ctx, next) {
        await next()
        seeOther(ctx, `${base}/account?done=${what}`)
      },

    endOthers: async function endOthers(ctx) {
      const visitor = requireVisitor(ctx.state.visitor)
      for (const sessionId of await pageSessions.revokeOthers(visitor, clock())) {
        ctx.state.announce('session.revoked', { sessionId })
      }
    } satisfies Middleware as Middleware,

    /** Lets the provider sign-in that begins to the right end in a link with whoever is signed in here. */
    startLink: async function startLink(ctx, next) {
      const { userId, sessionId } = requireVisitor(ctx.state.visitor)
      ctx.state.start = {
        redirectTo: deps.url,
        codeChallenge: null,
        link: { userId, sessionId },
        page: false,
      }
      await next()
    } satisfies Middleware as Middleware,
  }
}

export type Done = 'password' | 'ended' | 'endedOthers' | 'unlinked'

function readDone({ query }: Context, { texts, site }: Parameters<AccountNews['done']>[0]): string | null {
  const { done, linked } = query
  const provider = site.providers.find(({ name }) => name === linked)
  if (provider) return texts.done.linked(provider.label)
  const isKnown = done === 'password' || done === 'ended' || done === 'endedOthers' || done === 'unlinked'
  return isKnown ? texts.done[done] : null
}
