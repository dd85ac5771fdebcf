/** Returns the environment variable of a Node process whose clock is ahead by a number of seconds, or behind. */
export function shiftClock(seconds: number): { NODE_OPTIONS: string } {
  const code = `const Real = Date
    globalThis.Date = class Date extends Real {
      constructor(...args) { super(...(args.length > 0 ? args : [Date.now()])) }
      static now() { return Real.now() + ${seconds * 1000} }
    }`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}
