// One kept-open TCP connection on which one thing at a time is asked: small enough that the load generator is not what is measured.
import { once } from 'node:events'
import { connect } from 'node:net'

export interface Exchange {
  /** Sends `text` and resolves with all bytes that came back once `isWhole` says that nothing is missing. Rejects when the connection ends. */
  ask(text: string, isWhole: (received: string) => boolean): Promise<string>
  close(): void
}

export async function openExchange(host: string, port: number): Promise<Exchange> {
  const socket = connect(port, host).setNoDelay(true).setEncoding('latin1')
  await once(socket, 'connect')
  let received = ''
  let waiting: { isWhole: (received: string) => boolean; answer: PromiseWithResolvers<string> } | undefined
  socket.on('data', (chunk: string) => {
    received += chunk
    if (waiting?.isWhole(received) !== true) return
    const { answer } = waiting
    const whole = received
    waiting = undefined
    received = ''
    answer.resolve(whole)
  })
  const onEnd = (): void => waiting?.answer.reject(new Error(`expected ${host}:${port} to answer, it hung up`))
  socket.on('close', onEnd).on('error', onEnd)
  return {
    ask: (text, isWhole) => {
      const answer = Promise.withResolvers<string>()
      waiting = { isWhole, answer }
      socket.write(text, 'latin1')
      return answer.promise
    },
    close: () => void socket.destroy(),
  }
}
