import type { Answer, SessionBody, TestApp } from '../_app.ts'
import type { FakeProvider, Profiles, ProviderName } from '../_fake-provider.ts'

/** Signs in through a provider, as a browser does. */
export async function signIn<P extends ProviderName>(
  app: TestApp,
  provider: FakeProvider,
  name: P,
  profile: Profiles[P],
): Promise<Answer<SessionBody>> {
  const started = await app.get(`/auth/${name}`)
  const cookie = (started.headers.getSetCookie()[0] ?? '').split(';')[0] as string
  const callback = new URL(provider.authorize(started.headers.get('location') ?? '', profile))
  return app.get<SessionBody>(callback.pathname + callback.search, { Cookie: cookie })
}
