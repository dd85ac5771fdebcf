import type { Logger } from 'pino'
import { type DatabaseClock, largestSkew } from '../database/clock.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Keyring } from '../tokens/keyring.ts'
import type { Deployment } from './deployment.ts'
import { createFailureReport, type OutageReport } from './failure-report.ts'

// In milliseconds.
const sweepInterval = 3_600_000
const keyInterval = 2_000

/**
 * Starts periodic maintenance: deletes expired rows, first after `firstSweep` milliseconds, and publishes, rotates and
 * retires keys, and measures the database's clock. Returns the function that stops it.
 */
export function startMaintenance(
  {
    config,
    sweep,
    log,
    announce,
    clock,
  }: Pick<Dependencies, 'config' | 'sweep' | 'log' | 'announce' | 'clock'>,
  { databaseClock }: Pick<Deployment, 'databaseClock'>,
  keys: Keyring,
  outage: OutageReport,
  firstSweep: number,
): () => Promise<void> {
  const reportSkew = createSkewReport(log, databaseClock)
  const jobs = [
    scheduleRepeating(
      sweepInterval,
      'delete expired rows',
      log,
      outage,
      async (signal) => void (await sweep(clock(), signal)),
      firstSweep,
    ),
    // Often enough that a new key is published everywhere long before anybody signs with it.
    scheduleRepeating(
      Math.min(keyInterval, config.jwksMaxAge * 1000),
      'update the signing keys',
      log,
      outage,
      async () => {
        try {
          for (const done of await keys.update(clock())) announce(log, 'key.rotated', done)
        } finally {
          await databaseClock.measure()
          reportSkew()
        }
      },
    ),
  ]
  return async () => void (await Promise.all(jobs.map((stop) => stop())))
}

/**
 * Creates a function that logs a warning when the process's clock begins to differ from the database's, and a line when
 * they agree again.
 */
export function createSkewReport(log: Logger, { skew }: Pick<DatabaseClock, 'skew'>): () => void {
  let isSkewed = false
  return () => {
    const seconds = skew()
    // Half the limit on the way back, so that a difference near the limit does not fill the log.
    const exceeds = Math.abs(seconds) > (isSkewed ? largestSkew / 2 : largestSkew)
    if (exceeds === isSkewed) return
    isSkewed = exceeds
    if (!exceeds) return log.info("the clock agrees with the database's again")
    const side = seconds > 0 ? 'ahead of' : 'behind'
    log.warn(
      { seconds },
      `the clock is ${Math.abs(seconds).toFixed(1)} s ${side} the database's; the database's counts; synchronise both clocks (NTP)`,
    )
  }
}

/**
 * Runs `work` after `first` milliseconds, then repeatedly, `interval` milliseconds after each end. A failure does not
 * stop the repetition. It is logged when its reason is new, and its end is logged; an outage of the database is logged by
 * `outage`. Returns the function that stops it: it aborts the signal of `work`, and waits for a running `work`.
 */
export function scheduleRepeating(
  interval: number,
  name: string,
  log: Logger,
  outage: OutageReport,
  work: (signal: AbortSignal) => Promise<void>,
  first = interval,
): () => Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  let timer: NodeJS.Timeout
  let running = Promise.resolve()
  const report = createFailureReport(log, `failed to ${name}`, `able to ${name} again`)
  const succeeded = () => {
    report.succeeded()
    outage.succeeded()
  }
  const failed = (error: unknown) => {
    if (!outage.failed(error)) report.failed(error)
  }
  const turn = () => {
    running = work(signal).then(succeeded, failed)
    running.then(() => schedule(interval))
  }
  const schedule = (delay: number) => {
    if (!signal.aborted) timer = setTimeout(turn, delay).unref()
  }
  schedule(first)
  return () => {
    stopping.abort()
    clearTimeout(timer)
    return running
  }
}
