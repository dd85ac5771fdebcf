import { engines } from '../_app.ts'
import test from '../_test.ts'
import { declareKillTest } from './_kill.ts'

if (engines.includes('server')) declareKillTest('server')
else test('the launcher runs without a server', (t) => t.pass())
