// A real nginx on a loopback port, as the source of the photo migration: a temporary prefix, one process that is our child, an access log to count requests.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { isMissing } from '../support/requires-program.ts'

export interface PhotoSource {
  readonly url: string
  /** The folder that holds one folder per user. */
  readonly root: string
  /** Paths of all GET requests since the last call, in order, as they were on the wire. */
  takeRequests(): readonly string[]
  close(): Promise<void>
}

export const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/sbin/nginx'].find((path) => existsSync(path))

/** Serves `<folder>/www`. Extra `locations` go into the server block. */
export async function startPhotoSource(folder: string, locations = ''): Promise<PhotoSource> {
  if (nginx === undefined) throw new Error('nginx is not installed')
  const root = join(folder, 'www')
  for (const name of [root, join(folder, 'tmp')]) mkdirSync(name, { recursive: true })
  chmodSync(folder, 0o755)
  const port = await freePort()
  const log = join(folder, 'access.log')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path tmp;`)
    .join(' ')
  const config = `daemon off; master_process off; pid nginx.pid; error_log error.log;
events {}
http {
  types { text/html html; }
  log_format path '$request_uri'; access_log access.log path;
  ${temporary}
  server { listen 127.0.0.1:${port}; root www; autoindex on; autoindex_format json; index .no-index; ${locations} }
}
`
  writeFileSync(join(folder, 'nginx.conf'), config)
  const child = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  await untilAnswering(url, () => child.exitCode ?? child.signalCode)
  let read = readFileSync(log, 'utf8').length
  return {
    url,
    root,
    takeRequests: () => {
      const text = readFileSync(log, 'utf8')
      const lines = text
        .slice(read)
        .split('\n')
        .filter((line) => line !== '')
      read = text.length
      return lines
    },
    close: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** The shells that are here, each with the tools that belong to it. */
export function shellsHere(): readonly {
  readonly name: string
  readonly argv: readonly string[]
  readonly isBusybox: boolean
}[] {
  return [
    { name: 'dash', argv: ['dash'], isBusybox: false },
    { name: 'busybox', argv: ['busybox', 'sh'], isBusybox: true },
  ].filter(({ name }) => !isMissing(name, `the photo migration under ${name}`))
}

async function untilAnswering(url: string, ended: () => number | string | null): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    try {
      await (await fetch(url)).arrayBuffer()
      return
    } catch (cause) {
      if (ended() !== null || performance.now() > deadline) throw new Error('nginx did not answer', { cause })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
