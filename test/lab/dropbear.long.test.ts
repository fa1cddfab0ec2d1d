// The Dropbear of Debian 13, which bears several commands at once again.
import { describe } from 'vitest'
import { findTrixie } from '../support/trixie.ts'
import { dropbearSuite } from './dropbear-suite.ts'

const tree = findTrixie('the tests against the Dropbear of Debian 13')

describe.skipIf(tree === undefined)('with', () => {
  dropbearSuite('the Dropbear of Debian 13', tree)
})
