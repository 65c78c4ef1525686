import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { type Door, openSocket } from './websocket.ts'

/** An answer of an HTTP server, read whole. */
export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

/** Asks a server through a door. */
export function ask(door: Door, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = { ...door.headers, Host: door.host, 'Content-Type': 'application/json' }
    const sent = request(
      {
        host: door.address,
        port: door.port,
        method,
        path,
        headers: { ...headers, 'Content-Length': text.length },
      },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text: Buffer.concat(parts).toString(),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(text)
  })
}

/** Starts a kernel and runs one cell in it; resolves when its result has come back. */
export async function runFirstCell(door: Door, code: string): Promise<string> {
  const started = await ask(door, 'POST', '/api/kernels', { name: 'python3' })
  if (started.status !== 201) throw new Error(`no kernel: ${started.status} ${started.text.slice(0, 200)}`)
  // Jupyter's own answer to a request for a kernel.
  const { id } = JSON.parse(started.text) as { id: string }
  const socket = await openSocket(door, `/api/kernels/${id}/channels`)
  const message = randomUUID()
  const header = {
    msg_id: message,
    msg_type: 'execute_request',
    username: '',
    session: randomUUID(),
    version: '5.3',
  }
  const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false }
  socket.send(
    JSON.stringify({ header, parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [] }),
  )
  try {
    for (;;) {
      // The kernel's messages, in the form of the Jupyter protocol.
      const heard = JSON.parse(await socket.next()) as {
        msg_type: string
        parent_header: { msg_id?: string }
        content: { data?: Record<string, string>; evalue?: string }
      }
      if (heard.parent_header.msg_id !== message) continue
      if (heard.msg_type === 'error') throw new Error(heard.content.evalue)
      if (heard.msg_type === 'execute_result') return heard.content.data?.['text/plain'] ?? ''
    }
  } finally {
    socket.close()
  }
}
