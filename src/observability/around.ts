/** Runs a request to a provider and watches how it goes. It answers, or throws, what the work does. */
export type AroundProvider = <T>(
  provider: string,
  request: 'token' | 'profile',
  work: () => Promise<T>,
) => Promise<T>

/** Runs a database statement of that name and watches how it goes. */
export type AroundStatement = <T>(name: string, work: () => Promise<T>) => Promise<T>

/** All of these who are there, one around the other. */
export function nest(...around: (AroundProvider | undefined)[]): AroundProvider {
  const [outer, ...others] = around.filter((each) => each !== undefined)
  if (!outer) return (_provider, _request, work) => work()
  const inner = nest(...others)
  return (provider, request, work) => outer(provider, request, () => inner(provider, request, work))
}
