/** The addresses of the services. Change only this file for your deployment. */
export const config = {
  /** The value of Claimgate's AUTH_PUBLIC_URL. */
  gateway: 'http://localhost:8080',
  /** Hasura's address, such as http://localhost:8081/v1/graphql. The default is the Hasura mock of serve.js. */
  graphql: '/v1/graphql',
  /** Seconds between the refresh of an access token and its expiry. */
  refreshMargin: 60,
}
