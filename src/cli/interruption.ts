// Ctrl-C while nodes are at work: the first one (or TERM, or a terminal that goes away) asks to stop, a second one ends the process
// as if nobody listened.
import { toFleetError } from '../core/index.ts'
import { ExitCode } from './exit-code.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  /** Listens no more. May be called twice. */
  readonly stop: () => void
}

export function listenForInterruption(): Interruption {
  const controller = new AbortController()
  const onSignal = (): void => {
    stop()
    controller.abort(new Error('interrupted'))
  }
  const stop = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return { signal: controller.signal, stop }
}

/** The exit code of `work`, or 130 once it was interrupted; that a call was given up for it is no error then. */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<ExitCode>): Promise<ExitCode> {
  const { signal, stop } = listenForInterruption()
  try {
    const exitCode = await work(signal)
    return signal.aborted ? ExitCode.interrupted : exitCode
  } catch (error) {
    const isOurs = error === signal.reason || toFleetError(error).code === 'FLEET_SSH_ABORTED'
    if (!signal.aborted || !isOurs) throw error
    process.stderr.write('interrupted\n')
    return ExitCode.interrupted
  } finally {
    stop()
  }
}
