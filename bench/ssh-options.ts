// How the peers ssh and scp reach a lab: nobody's own configuration, no question, keys checked as fleet checks them.
import type { Lab } from '../test/lab/lab.ts'

export function sshOptions(lab: Lab): readonly string[] {
  const settings = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${lab.knownHostsFile}`,
  ]
  return ['-F', 'none', '-i', lab.keyFile, ...settings.flatMap((setting) => ['-o', setting])]
}
