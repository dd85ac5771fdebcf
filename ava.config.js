export default {
  files: ['dist/test/**/*.test.js'],
  concurrency: 3,
  timeout: '2m',
  failFast: false,
}
