import { createMetrics, type Sources } from '../../src/observability/metrics.ts'

const sources: Sources = {
  hashes: () => ({ running: 0, waiting: 0 }),
  pool: () => ({ used: 0, idle: 0, waiting: 0 }),
  accessCache: () => ({ hits: 0, misses: 0, invalidations: 0, size: 0, isListening: true }),
  version: { version: '1.2.3', schema: '0001_init' },
  keys: { activeSince: null },
  clock: () => new Date(),
  skew: () => 0,
  passwordProvider: { name: 'local' },
  redirectProviders: [{ name: 'github' }],
}

/** Creates the metrics of a gateway without requests, with every metric that the code has. */
export const createSample = (others: Partial<Sources> = {}) => createMetrics({ ...sources, ...others })
