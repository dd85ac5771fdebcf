import type { Recorded } from './_issuers.ts'

const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47'
const microsoftEndpoints = (name: string) => ({
  authorization_endpoint: `https://login.microsoftonline.com/${name}/oauth2/v2.0/authorize`,
  token_endpoint: `https://login.microsoftonline.com/${name}/oauth2/v2.0/token`,
  jwks_uri: `https://login.microsoftonline.com/${name}/discovery/v2.0/keys`,
  userinfo_endpoint: 'https://graph.microsoft.com/oidc/userinfo',
  token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
})

/** The answers of the OpenID providers, in the shape of their documentation, with neutral details. */
export const recorded = {
  apple: {
    issuer: 'https://appleid.apple.com',
    metadata: {
      issuer: 'https://appleid.apple.com',
      authorization_endpoint: 'https://appleid.apple.com/auth/authorize',
      token_endpoint: 'https://appleid.apple.com/auth/token',
      jwks_uri: 'https://appleid.apple.com/auth/keys',
      response_modes_supported: ['query', 'fragment', 'form_post'],
      scopes_supported: ['openid', 'email', 'name'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    },
    claims: {
      iss: 'https://appleid.apple.com',
      sub: '001234.0a1b2c3d4e5f60718293a4b5c6d7e8f9.0123',
      email: 'x7k2m9p4qr@privaterelay.example.com',
      email_verified: 'true',
      is_private_email: 'true',
      auth_time: 1_796_000_000,
      nonce_supported: true,
    },
    answer: { expires_in: 3600, refresh_token: 'the refresh token' },
  },
  gitlab: {
    issuer: 'https://gitlab.com',
    metadata: {
      issuer: 'https://gitlab.com',
      authorization_endpoint: 'https://gitlab.com/oauth/authorize',
      token_endpoint: 'https://gitlab.com/oauth/token',
      jwks_uri: 'https://gitlab.com/oauth/discovery/keys',
      userinfo_endpoint: 'https://gitlab.com/oauth/userinfo',
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    },
    claims: {
      iss: 'https://gitlab.com',
      sub: '1234567',
      sub_legacy: '0123456789abcdef',
      name: 'A User',
      nickname: 'a-gitlab-user',
      preferred_username: 'a-gitlab-user',
      email: 'gitlab-user@example.com',
      email_verified: true,
      groups_direct: ['a-group'],
    },
  },
  linkedin: {
    issuer: 'https://www.linkedin.com/oauth',
    metadata: {
      issuer: 'https://www.linkedin.com/oauth',
      authorization_endpoint: 'https://www.linkedin.com/oauth/v2/authorization',
      token_endpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
      userinfo_endpoint: 'https://api.linkedin.com/v2/userinfo',
      jwks_uri: 'https://www.linkedin.com/oauth/openid/jwks',
    },
    claims: {
      iss: 'https://www.linkedin.com/oauth',
      sub: '782bbtaQ',
      name: 'A User',
      given_name: 'A',
      family_name: 'User',
      locale: 'en_US',
      email: 'linkedin-user@example.com',
      email_verified: true,
    },
    answer: { expires_in: 5_183_999, scope: 'email,openid,profile' },
    echoesNonce: false,
  },
  microsoft: {
    issuer: 'https://login.microsoftonline.com/common/v2.0',
    metadata: {
      issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
      ...microsoftEndpoints('common'),
    },
    claims: {
      iss: `https://login.microsoftonline.com/${tenant}/v2.0`,
      ver: '2.0',
      tid: tenant,
      oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      name: 'A User',
      preferred_username: 'microsoft-user@example.com',
      email: 'microsoft-user@example.com',
    },
    key: { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' },
  },
  slack: {
    issuer: 'https://slack.com',
    metadata: {
      issuer: 'https://slack.com',
      authorization_endpoint: 'https://slack.com/openid/connect/authorize',
      token_endpoint: 'https://slack.com/api/openid.connect.token',
      userinfo_endpoint: 'https://slack.com/api/openid.connect.userInfo',
      jwks_uri: 'https://slack.com/openid/connect/keys',
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    },
    claims: {
      iss: 'https://slack.com',
      sub: 'U0R7MFMJM',
      'https://slack.com/team_id': 'T0R7GR',
      'https://slack.com/user_id': 'U0R7MFMJM',
      name: 'A User',
      locale: 'en-US',
      email: 'slack-user@example.com',
      email_verified: true,
      date_email_verified: 1_622_128_723,
    },
    answer: { ok: true },
  },
  twitch: {
    issuer: 'https://id.twitch.tv/oauth2',
    metadata: {
      issuer: 'https://id.twitch.tv/oauth2',
      authorization_endpoint: 'https://id.twitch.tv/oauth2/authorize',
      token_endpoint: 'https://id.twitch.tv/oauth2/token',
      jwks_uri: 'https://id.twitch.tv/oauth2/keys',
      userinfo_endpoint: 'https://id.twitch.tv/oauth2/userinfo',
      claims_parameter_supported: true,
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    },
    claims: {
      iss: 'https://id.twitch.tv/oauth2',
      sub: '713936733',
      azp: 'the-client',
      preferred_username: 'a_twitch_user',
      email: 'twitch-user@example.com',
      email_verified: true,
    },
    answer: { expires_in: 14_124, scope: ['openid', 'user:read:email'], token_type: 'bearer' },
  },
} satisfies Record<string, Recorded>

/** The answers for one tenant of Microsoft, whose issuer AUTH_MICROSOFT_ISSUER has. */
export const oneTenant: Recorded = {
  ...recorded.microsoft,
  issuer: `https://login.microsoftonline.com/${tenant}/v2.0`,
  metadata: {
    issuer: `https://login.microsoftonline.com/${tenant}/v2.0`,
    ...microsoftEndpoints(tenant),
  },
}
