// What the launcher wrote: one file for each folder of tests, the longest first.
const groups = process.env.CLAIMGATE_TEST_FILES?.split(' ')
const position = (path) => groups.findIndex((group) => path.endsWith(group))

export default {
  files: groups ?? ['dist/test/**/*.test.js'],
  ...(groups && { sortTestFiles: (a, b) => position(a) - position(b) }),
  concurrency: 2,
  timeout: '5m',
  failFast: false,
}
