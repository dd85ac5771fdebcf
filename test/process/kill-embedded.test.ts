import { declareKillTest } from './_kill.ts'

declareKillTest('embedded')
