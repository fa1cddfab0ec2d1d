// Can workers there reach the dispatcher? Only a dispatcher that is known to answer here proves that the way is blocked.
import type { ProbeOutcome } from '../../node/index.ts'
import type { Finding, Observation, Severity, Wants } from './finding.ts'

export function dispatcherFindings({ dispatcher, facts }: Observation, wants: Wants): readonly Finding[] {
  if (dispatcher === undefined) return []
  const { url, outcome } = dispatcher
  const remedy = (what: string): string =>
    `${what}, or set dispatcher.url in fleet.yml to an address that nodes can reach`
  const finding = (severity: Severity, message: string, what: string): readonly Finding[] => [
    { severity, subject: 'dispatcher', message, remedy: what },
  ]
  // This machine itself may be a node, and a tunnel may end there.
  if (
    outcome.kind !== 'answers' &&
    isLoopback(hostOf(url)) &&
    facts.controlAddress !== '' &&
    !isLoopback(facts.controlAddress)
  )
    return finding(
      'error',
      `${url} is the node itself there, and not this machine`,
      `set dispatcher.listen: 0.0.0.0:${portOf(url)} in fleet.yml; if dispatcher.url is there, to an address that nodes can reach`,
    )
  switch (outcome.kind) {
    case 'answers':
      return outcome.status === 200 || outcome.status === 503 || wants.isDispatcherUp !== true
        ? []
        : finding(
            'warning',
            `what answers at ${url} says ${outcome.status}: is it the dispatcher?`,
            remedy('look what listens there'),
          )
    case 'untried':
      return finding('note', `whether ${url} answers was not tried: there is no curl`, 'install curl')
    case 'failed':
      return finding(
        'warning',
        `whether ${url} answers could not be found out (${outcome.code})`,
        'check again; if it stays, try curl on the node by hand',
      )
    case 'unresolved':
      return finding('error', `the name in ${url} is unknown there`, remedy('add it to DNS or /etc/hosts'))
    case 'silent':
    case 'odd':
    case 'refused':
      return unreached(url, outcome.kind, wants.isDispatcherUp, finding, remedy)
  }
}

function unreached(
  url: string,
  kind: Extract<ProbeOutcome['kind'], 'silent' | 'odd' | 'refused'>,
  isUp: boolean | undefined,
  finding: (severity: Severity, message: string, what: string) => readonly Finding[],
  remedy: (what: string) => string,
): readonly Finding[] {
  if (isUp === true)
    return finding(
      'error',
      kind === 'odd'
        ? `what answers at ${url} is not the dispatcher`
        : `the dispatcher at ${url} does not answer from there, although it runs`,
      remedy('open the port for the nodes in the firewalls on the way'),
    )
  if (kind === 'silent')
    return finding(
      'warning',
      `nothing at all comes back from ${url}: a firewall on the way, or a wrong address`,
      remedy('open the port for the nodes'),
    )
  return finding(
    'note',
    `${url} does not answer from there: the dispatcher does not run yet`,
    'start it (fleet dispatcher start) and check again',
  )
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}

function portOf(url: string): string {
  const { port } = new URL(url)
  return port === '' ? '7070' : port
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127\./.test(host)
}
