// A real nginx that serves a folder with JSON listings: the source of users' files in the lab's tests. It is a child of
// the test, listens nowhere else, and keeps everything it writes in one temporary folder.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'

export interface NginxOptions {
  /** The folder that is served. Absolute. */
  readonly root: string
  /** An address of this machine, for example the lab's controlAddress. */
  readonly address: string
  /** 0 (the default): any free one. */
  readonly port?: number
}

export interface Nginx extends AsyncDisposable {
  /** `http://address:port`; a folder is listed by GET of its path with a slash at the end. */
  readonly url: string
  readonly port: number
  /** One line per request: status, bytes sent, request line. */
  accessLog(): string
  /** Ends it and removes its folder. May be called twice. */
  dispose(): Promise<void>
}

/** Returns when it accepts connections. Throws with nginx's own words when it ends before that. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const port = options.port ?? 0
  const chosenPort = port === 0 ? await freePort(options.address) : port
  const folder = mkdtempSync(join(tmpdir(), 'fleet-nginx-'))
  writeFileSync(join(folder, 'nginx.conf'), configuration(options.root, options.address, chosenPort))
  // The kernel ends it with the thread that started it, so that it cannot outlive a test that was killed.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const dispose = async (): Promise<void> => {
    await terminate(child)
    rmSync(folder, { recursive: true, force: true })
  }
  const url = `http://${options.address}:${chosenPort}`
  const accepted = await Promise.race([untilItAnswers(url, child), once(child, 'error').then(() => false)])
  if (!accepted) {
    await dispose()
    throw new Error(`expected nginx to serve ${options.root} at ${url}, it said: ${said}`)
  }
  return {
    url,
    port: chosenPort,
    accessLog: () => readFileSync(join(folder, 'access.log'), 'utf8'),
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

function configuration(root: string, address: string, port: number): string {
  // As root, nginx would otherwise hand requests to a user who may not read the test's private folders.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user}
daemon off;
worker_processes 2;
pid nginx.pid;
events { worker_connections 4096; }
http {
  log_format brief '$status $body_bytes_sent $request';
  access_log access.log brief;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  default_type application/octet-stream;
  sendfile on;
  keepalive_requests 100000;
  server {
    listen ${address}:${port} backlog=1024;
    root ${JSON.stringify(root)};
    autoindex on;
    autoindex_format json;
  }
}
`
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const answered = await fetch(url, { method: 'HEAD' }).then(
      () => true,
      () => false,
    )
    if (answered) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
