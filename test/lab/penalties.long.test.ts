// OpenSSH 10 as it comes: it bans an address that fails too often, and prefers post-quantum key exchange.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findTrixie } from '../support/trixie.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { ask, labTarget, labTransport, verdictOf } from './lab-targets.ts'
import { configureSshd, must } from './node-changes.ts'

/** Two of these in a row and a bit more are what sshd bans for (PerSourcePenalties: authfail:5, min:15). */
const WRONG_KEYS = 6

const tree = findTrixie('the tests against OpenSSH 10 (penalties, post-quantum key exchange, BusyBox 1.37)')

describe.skipIf(tree === undefined)('with OpenSSH 10', () => {
  describeOnLab('as it comes', () => {
    let lab: Lab

    beforeAll(async () => {
      lab = await startLab({ nodes: 3, ...(tree === undefined ? {} : { tree }) })
    })

    afterAll(async () => {
      await lab.dispose()
    })

    it('a key that is refused, again and again, does not get this machine banned, and the right one is let in', async () => {
      expect(await must(lab, 1, '/usr/sbin/sshd -T | grep -i persourcepenalties')).toContain('authfail:5')
      const wrong = join(lab.shared.here, 'wrong')
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrong])
      const transport = labTransport(lab)
      const startedMs = performance.now()
      for (let number = 0; number < WRONG_KEYS; number += 1) {
        const target = labTarget(lab, 1, { identities: [wrong] })
        expect(await verdictOf(transport.connect(target))).toBe('FLEET_SSH_AUTH')
      }
      const right = await ask(transport, labTarget(lab, 1), 'hostname')
      await transport.close()
      process.stderr.write(
        `${WRONG_KEYS} wrong keys, then the right one: let in after ${Math.round((performance.now() - startedMs) / 1000)} s\n`,
      )
      expect(right).toBe('node01\n')
      expect(lab.consoleLog(1)).not.toMatch(/penalty: (?:failed|connections)/)
    }, 170_000)

    it('a ban that is already there is waited out', async () => {
      const wrong = join(lab.shared.here, 'wrong2')
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrong])
      // One operator after the other, none of whom knows what the others did.
      for (let number = 0; number < WRONG_KEYS; number += 1) {
        const transport = labTransport(lab, { retries: 0 })
        await verdictOf(transport.connect(labTarget(lab, 2, { identities: [wrong] })))
        await transport.close()
      }
      const impatient = labTransport(lab, { retries: 0 })
      const verdict = await verdictOf(impatient.connect(labTarget(lab, 2)))
      await impatient.close()
      expect(verdict).toMatch(/^FLEET_SSH_(?:STARTUP_DROP|BANNED)$/)
      expect(lab.consoleLog(2)).toContain('penalty')

      const patient = labTransport(lab)
      expect(await ask(patient, labTarget(lab, 2), 'hostname')).toBe('node02\n')
      await patient.close()
    }, 170_000)

    it('a server that allows only post-quantum key exchange is told apart by name', async () => {
      await configureSshd(lab, 3, ['KexAlgorithms mlkem768x25519-sha256'])
      const transport = labTransport(lab)
      await expect(transport.connect(labTarget(lab, 3))).rejects.toThrow(/mlkem768x25519-sha256|post-quantum/)
      expect(await verdictOf(transport.connect(labTarget(lab, 3)))).toBe('FLEET_SSH_NO_COMMON_ALGORITHM')
      await transport.close()
    })
  })
})
