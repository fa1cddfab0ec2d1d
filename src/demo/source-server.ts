// A web server for the demo's users: directory listings in the form of nginx's `autoindex_format json`, and the files.
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

export interface SourceServer {
  /** Ends with a slash. */
  readonly url: string
  close(): Promise<void>
}

export async function startSourceServer(folder: string): Promise<SourceServer> {
  const root = resolve(folder)
  const server = createServer((request, response) => {
    answer(root, request, response).catch(() => {
      // The connection broke, or the file is not there: the client hears of it by the status or by the missing end.
      if (response.headersSent) response.destroy()
      else response.writeHead(404).end()
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/`, close: () => closeServer(server) }
}

async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?')
  const file = resolve(root, `.${decodeURIComponent(path)}`)
  if (file !== root && !file.startsWith(root + sep)) {
    response.writeHead(403).end()
    return
  }
  const stats = await stat(file)
  if (stats.isDirectory()) {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(await listing(file)))
    return
  }
  response.writeHead(200, { 'Content-Length': stats.size, 'Content-Type': 'application/octet-stream' })
  if (request.method === 'HEAD') response.end()
  else await pipeline(createReadStream(file), response)
}

async function listing(folder: string): Promise<object[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return Promise.all(
    entries.map(async (entry) => {
      const stats = await stat(join(folder, entry.name))
      const mtime = stats.mtime.toUTCString()
      return entry.isDirectory()
        ? { name: entry.name, type: 'directory', mtime }
        : { name: entry.name, type: 'file', mtime, size: stats.size }
    }),
  )
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((done) => {
    server.close(() => {
      done()
    })
  })
}
