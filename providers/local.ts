import { Strategy } from 'passport-local'
import type { Provider } from '../src/authentication/provider.ts'

/** Username and password of the table `user`. */
export default {
  name: 'local',
  flow: 'password',
  label: 'Username and password',
  strategy: (verify) => new Strategy({ session: false, passReqToCallback: true }, verify),
} satisfies Provider
