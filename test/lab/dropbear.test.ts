// This machine's own Dropbear.
import { describe } from 'vitest'
import { isMissing } from '../support/requires-program.ts'
import { dropbearSuite } from './dropbear-suite.ts'

describe.skipIf(isMissing('dropbear', 'the tests against Dropbear'))('with', () => {
  dropbearSuite('Dropbear', undefined)
})
