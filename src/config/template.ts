// What `fleet init` writes. Ready to edit: everything that has a default is a comment that shows it, so that the file says
// only what was decided. A test loads both and compares every commented default with the schema.
import type { JobName } from '../core/index.ts'

export function fleetYmlTemplate(job: JobName): string {
  return `# yaml-language-server: $schema=.fleet/schema/fleet.json
# One job: what runs, where, and who hands out the work. Lines that are commented out show the defaults.
# "fleet check" connects to every node and says what is in the way; it changes nothing.
job: ${job}                        # a to z, 0 to 9 and "-"; a folder of this name is made on every node
# hosts: inventory.yml          # the nodes
# root: ~/.fleet                # folder on the nodes that holds everything fleet puts there; on a local disk

release:
  files: [main.sh]              # relative to this file; folders recurse, globs such as lib/*.jar are expanded
  # keep: 5                     # releases that stay on the nodes; older ones are removed, never one that runs
  # check: [./healthy]          # run on the nodes of a batch after the switch; exit 0 is healthy
  # check_timeout: 60s

worker:
  # kind: exec                  # exec: run the command once for every ID; native: it speaks the worker protocol itself
  command: [./main.sh, "{id}"]  # never through a shell; {id}, {slot} and {node} are replaced
  slots: 2                      # worker processes per node; an inventory variable may override it
  # env: {}                     # for example { LOG_LEVEL: info }; put numbers in quotes
  # secrets: []                 # names of variables of your environment; stored 0600 on the nodes, never in argv or logs
  # grace: 30s                  # TERM, then KILL after this
  # timeout: 0                  # upper bound for one ID; 0 = none
  # keeper: auto                # what brings workers back after a reboot: auto, cron or none

dispatcher:
  # at: control                 # on this machine
  listen: 127.0.0.1:7070        # the nodes must reach it: 0.0.0.0:7070 when they are other machines
  # url: https://10.0.0.5:7070  # how nodes reach it; derived when left out
  # ledger: .fleet/ledger.db    # the durable record of every ID
  # lease: 5m                   # a node that vanished is noticed after this; a restarted worker at once
  # failures: 5                 # then an ID is parked until a person decides
  # crashes: 3                  # likewise
  # backoff: [10s, 10m]         # first and longest wait before an ID is tried again

# ssh: { parallel: 10, per_endpoint: 8, retries: 6 }
# window: { deadline: 2030-01-31T00:00:00Z }   # "fleet status" compares it with the estimate
`
}

export function inventoryYmlTemplate(): string {
  return `# yaml-language-server: $schema=.fleet/schema/inventory.json
# The nodes of the fleet. A host's own variables win over its group's, these over the defaults.
# What is not said here, your ssh_config decides.
# "fleet hosts -v" shows what was understood and where each value came from. Ansible inventories are read as well.
defaults:
  # user: deploy                # when left out: ssh_config, else your own login name
  # port: 22
  # identity: ~/.ssh/id_ed25519 # a private key, or a list of them; when left out: ssh_config, else the usual ones in ~/.ssh
  # via: bastion.example.net    # the machine to jump through, or a list of them in order
  slots: 2

groups:
  workers:
    hosts: ["node[01:03].example.net"]   # node01, node02 and node03; letters count too: rack[a:c]
    # slots: 8
    # env: { REGION: eu }

hosts:
  node03.example.net: { slots: 1 }       # one host that differs
  # node04.example.net: { address: 203.0.113.9, port: 2222 }
  # bastion.example.net: { pool: false } # reachable, but not part of the fleet
`
}
