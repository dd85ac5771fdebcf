/** The password of all hashes here. */
export const foreignPassword = 'Blauer Käfer 42'

/** Hashes that other programs made of the password. The comment of each one has the library and its version. */
export const foreignHashes: Readonly<Record<string, string>> = {
  // argon2 0.45.1 (npm), with few KiB.
  'argon2 of npm':
    '$argon2id$v=19$m=4096,p=1,t=2$BO96ET0jz137OIKqI2pEzQ$Cam5DaC+8eDQCgUjwL8VKuEX6xoG8Ot+vF64QqTWFi8',
  'argon2 of npm with associated data':
    '$argon2id$v=19$m=4096,p=1,t=2,data=dGVuYW50LTc$1l1/xiLjWbR2+gEi7qHg6w$C+eqYxHKo+iAThNnolFEcx+gWbML4wThQSbUqO1k9AE',
  argon2i: '$argon2i$v=19$m=4096,p=1,t=3$M+cr/ss1cOwtNkRUgcPSDg$inNc+0QXPgGrcDANsWOuLlbLiVE2ZYksSdSypTr90z8',
  argon2d: '$argon2d$v=19$m=4096,p=2,t=2$tR4Qkt6pYULwkXQXceeCMw$6yEVVff6Hlaax0HIx0/7MG7gwCQWFYdj0YRmvoSexbs',
  // The same hash with an identifier of a key, which is no input of the algorithm.
  'argon2 with keyid':
    '$argon2id$v=19$m=4096,t=2,p=1,keyid=S2V5MQ$BO96ET0jz137OIKqI2pEzQ$Cam5DaC+8eDQCgUjwL8VKuEX6xoG8Ot+vF64QqTWFi8',
  // PHP 8.2.36, password_hash.
  'bcrypt of PHP': '$2y$04$3g4ORTmgDM346KjmnFwQeORk9TsyS.G7tlUpPjTPcIkYcnUQ.WLAW',
  'argon2i of PHP':
    '$argon2i$v=19$m=4096,t=2,p=1$MU9wUVZMWkx6Sjk0S25LWg$/jcZBSJi34DIkt4okeYu5PemHc/TGBsPTiKnG3WWFzk',
  // bcryptjs 3.0.3, with the prefixes of Spring Security and Dovecot.
  'bcrypt of Spring Security': '{bcrypt}$2b$04$/kXIr3OqXjT9mJqkZTo3KOy4sLUuwVhHy3XSWbkD5GZwnfeAIDx4O',
  'bcrypt of Dovecot': '{BLF-CRYPT}$2y$04$/kXIr3OqXjT9mJqkZTo3KOy4sLUuwVhHy3XSWbkD5GZwnfeAIDx4O',
  // Django 5.2.19, with few iterations.
  'bcrypt of Django': 'bcrypt$$2b$04$9lyhS2lW28r3Skj9RqLZxuw60Ez8uVXjPaEz/e6hKzrAdQZpCNYcC',
  'bcrypt_sha256 of Django': 'bcrypt_sha256$$2b$04$OWbINJY3ee9peNbuxQOE1eOH0dNqPmJrat3k4nDnEMZSPONr0Q2Ti',
  'argon2 of Django':
    'argon2$argon2id$v=19$m=4096,t=2,p=8$TW9kUlFKaDdoaU1WMWhXS3ZnMVZKSA$IIgDHWdcDSaK8uq1f7X+CmCUKEApLtdcIgJkZOCKDMg',
  'PBKDF2 of Django':
    'pbkdf2_sha256$1000$lAP1XE3uP7Sl4eZXwDLC1s$7XZFNffG/v8IVLiKKZUJJcFzoPRkZJKPriGNk6j4C+k=',
  'PBKDF2 with SHA-1 of Django': 'pbkdf2_sha1$1000$5QSxQYKZZyAO4HP3PtOnvB$FNpcWsJIv3ifaLVM8pwle82uIlM=',
  'scrypt of Django':
    'scrypt$16384$IiqC0JvwpHTmgJGK93dNrO$8$5$0+ZGvv8opTdnz4V23cFOjgqdwaUDl2Ic4Md9/mTafYCL/uKlVYJSMFW/1HzQm7HwNPszaY9uD9p97y7LP9EU7A==',
  // Python 3.11.7, hashlib and argon2-cffi 25.1.0, in the sizes of Keycloak.
  'PBKDF2 with SHA-1 of Keycloak':
    '$pbkdf2-sha1$i=1000$ZS26q61ah6X3NSaEGdQBbw==$8Ky7AuzRWwvWZ7uIQJdww75pUF+HXiZPBkjMblpqo5tiOO39ACSPbpwYIcixuuyB02LxnkJqo4G+BZheps1Alg==',
  'PBKDF2 with SHA-256 of Keycloak':
    '$pbkdf2-sha256$i=1000$tIcxUPAN+somvwwZfpTEmg==$QgYYd7qu9dyaD805UBpnNLSmXdbUc549z5KEmjHRZ4Y=',
  'PBKDF2 with SHA-512 of Keycloak':
    '$pbkdf2-sha512$i=1000$i9R8/LXQq519AEVAl5IeBQ==$s1/9Gcz6SHCsnyYVNWqzP9XgFOAbqQ623qJlpgJl4LAD9BD/nT7gnHO3DMpoOIt592LkKeCX/qhlc1Rzbbc5zw==',
  'argon2 of Keycloak':
    '$argon2id$v=19$m=7168,t=5,p=1$vlF010Xk8nQM1CB/4tOSPw==$BO+iUmHSRNiIQplUEWgRAKjPe0CsReyyMjSdwwGIFCs=',
  // libpass 1.9.4 (passlib).
  'PBKDF2 with SHA-1 of passlib': '$pbkdf2$1000$OCfkHEOo1boXwrj3Pse4Vw$2umWmz3hAGyawiD4smEy0qokL2g',
  'PBKDF2 with SHA-512 of passlib':
    '$pbkdf2-sha512$1000$g5DyPoewdg6hdO49x5gT4g$u/aZ194GgablKN7oI6Wj3jb4CJigAmVl20kMs/kfC3MAwoJs7QlkBOli7V9WZX.uF92PJG8LcPiyabOwKYKbeQ',
  // aspnetcore-identity-password-hasher 1.0.1 (npm).
  'ASP.NET Identity 2': 'AIvjHq+Q39KhTnUzB7lW+GA35EfzID3dA/ItkplkuBX+MBjuDYfCWKjfqtQZKScYcg==',
  'ASP.NET Core Identity with SHA-256':
    'AQAAAAEAACcQAAAAECyTmyefgc7BfTSKu4LdOnsXT2n8nTGVCb7yu2sKBiujvRz1STKdd+GHadwTevvXqg==',
  // Python 3.11.7, hashlib, in the layout of ASP.NET Core 7 and later.
  'ASP.NET Core Identity with SHA-512':
    'AQAAAAIAAYagAAAAELp6KIOFOPowZ6cw9IaJTFFVQJss70FKExUeK0aFRvRHv4UrjUCb6y6mKtV/7myCWg==',
  // firebase-scrypt 2.2.0 (npm).
  'scrypt of Firebase':
    '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ae3e6YONGfWEZl5/Fo3GAhYGluYEaRk+092f4JLo/BbAUzTn9IpXhSQkkSfpLz8wg4ur6sIhRsf8F8sum8Z6Gg==$c29tZSBzYWx0IQ==$ty+VIm1HJUBDeYosBrpb1liPp249R3zni3IYo9d5KeH9ubgHfRjjeucPiadP2Yp31hOb+wWrBmIjFCAJ8UDBcA==',
  // better-auth 1.7.25 (npm).
  'scrypt of better-auth':
    '3c9c9907e11564d6977d52da6fb2a252:f5cb041d150e8f13b6de9c4d7390eb57e41d2f01848a6358874b2bd1a8b2cd899d01c1bdad0fe9654d0d9d687cd3fe32a30b4ba0e919b36208b9ae7d45f99b71',
  // The class PasswordHash of WordPress 6.1.9, on PHP 8.2.36.
  'phpass of WordPress': '$P$BgWQ00a5WgDTSO/P9Imcf85jHIX0mE.',
  'phpass of phpBB': '$H$8wgtozu08jqtRhxbqHVQBkVoArXz1B0',
  // password_hash and hash_hmac of PHP 8.2.36, as WordPress 6.8 calls them.
  'bcrypt of WordPress': '$wp$2y$04$uyssRtXDPts.aUThceD1Ce347diUVYTs7amoNwq96G73EeMRsOm/.',
}
