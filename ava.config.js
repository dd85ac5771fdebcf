// What the launcher wrote: one file for each folder of tests.
const groups = process.env.CLAIMGATE_TEST_FILES?.split(' ')

export default {
  files: groups ?? ['dist/test/**/*.test.js'],
  // In the order of the launcher, which begins with the longest.
  sortTestFiles: groups && ((a, b) => position(a) - position(b)),
  concurrency: 2,
  timeout: '2m',
  failFast: false,
}

function position(path) {
  return groups.findIndex((group) => path.endsWith(group))
}
