/** `npm run test:long` repeats more. */
export const isLong = process.env.TEST_LONG === '1'

/** How often to repeat what chance decides: `few` times in `npm test`, `many` times in `npm run test:long`. */
export const rounds = (few: number, many: number): number => (isLong ? many : few)
