// A dispatcher that does not run here explains why no node reaches it.
import { connect } from 'node:net'
import type { FleetConfig } from '../../config/index.ts'
import { controlUrl } from '../control.ts'

/** Does the dispatcher answer on this machine? Undefined when it is to run elsewhere. Settles within 2 seconds. */
export async function isDispatcherUp(config: FleetConfig): Promise<boolean | undefined> {
  if (config.dispatcher.at !== 'control') return undefined
  const { hostname, port } = new URL(controlUrl(config))
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? 80 : port) })
  socket.setTimeout(2000)
  socket
    .once('connect', () => {
      resolve(true)
    })
    .once('error', () => {
      resolve(false)
    })
    .once('timeout', () => {
      resolve(false)
    })
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}
