/** The result of one check. A failed check has a cure, and a warning too: the deployment works, at a risk. */
export type Check =
  | { name: string; status: 'ok' | 'skipped'; detail: string }
  | { name: string; status: 'failed'; detail: string; cure: string }
  | { name: string; status: 'warning'; detail: string; cure: string }

export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail })

export const skipped = (name: string, detail: string): Check => ({ name, status: 'skipped', detail })

export const failed = (name: string, detail: string, cure: string): Check => ({
  name,
  status: 'failed',
  detail,
  cure,
})
