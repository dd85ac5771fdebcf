/** The stream that shows progress: a terminal, a file or a pipe. */
export type ProgressStream = {
  isTTY?: boolean | undefined
  columns?: number | undefined
  write(text: string): unknown
}

export type Progress = { update(done: number): void; end(): void }

const barWidth = 30

/**
 * Shows the progress of `total` users: on a terminal one line that is redrawn, elsewhere one line for every tenth.
 * `now` is in milliseconds.
 */
export function createProgress(
  stream: ProgressStream,
  total: number,
  now: () => number = () => performance.now(),
): Progress {
  return stream.isTTY === true ? createBar(stream, total, now) : createLines(stream, total)
}

function createLines(stream: ProgressStream, total: number): Progress {
  let tenths = 0
  return {
    update(done) {
      const reached = Math.floor((done * 10) / Math.max(total, 1))
      if (reached > tenths) stream.write(`${done} of ${total} users\n`)
      tenths = reached
    },
    end() {},
  }
}

function createBar(stream: ProgressStream, total: number, now: () => number): Progress {
  const started = now()
  let drawn = ''
  return {
    update(done) {
      // Users who sign up at the source after the count make `done` larger than `total`.
      const share = Math.min(done / Math.max(total, 1), 1)
      const bar = '#'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '.')
      const rate = Math.round((done * 1000) / Math.max(now() - started, 1))
      const text = `[${bar}] ${Math.floor(share * 100)} %, ${done} of ${total} users, ${rate} per second`
      const line = text.slice(0, Math.max((stream.columns ?? 80) - 1, 20))
      stream.write(`\r${line.padEnd(drawn.length)}`)
      drawn = line
    },
    end() {
      if (drawn !== '') stream.write('\n')
    },
  }
}
