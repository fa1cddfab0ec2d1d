// Names are resolved by libuv's threads, of which it has four and gives two to the resolver: two names whose server keeps silent would make
// every other name time out. So it gets more, once, before anything has used them; programs that we start are not told.
import { access } from 'node:fs/promises'

/** libuv lets half of its threads resolve names. */
const THREADS = 64

/** What the operator has set stands. To be called before anything that libuv's threads do. */
export async function startResolverThreads(): Promise<void> {
  if (process.env['UV_THREADPOOL_SIZE'] !== undefined) return
  process.env['UV_THREADPOOL_SIZE'] = String(THREADS)
  // libuv reads the number when it is given its first work.
  await access('/')
  delete process.env['UV_THREADPOOL_SIZE']
}
