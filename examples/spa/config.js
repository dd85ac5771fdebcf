/** Where everything is. The only file to change for a deployment of your own. */
export const config = {
  /** Claimgate, as its AUTH_PUBLIC_URL says. */
  gateway: 'http://localhost:8080',
  /** Hasura's address, such as http://localhost:8081/v1/graphql. This one is the stand-in of serve.js. */
  graphql: '/v1/graphql',
  /** Seconds before its end at which an access token is replaced. */
  refreshMargin: 60,
}
