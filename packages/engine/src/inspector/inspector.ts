/**
 * Debugging of one child with tools that speak the Chrome DevTools Protocol: Chrome DevTools, VS Code, `node
 * inspect`.
 */
import type ivm from 'isolated-vm'
import type { InspectOptions } from '../config.ts'
import { SipletError } from '../errors.ts'
import type { Bundle } from '../script/bundle.ts'
import { DebugServer } from './debug-server.ts'
import { DebugSession } from './debug-session.ts'
import { debuggable } from './debuggable.ts'

export interface Attachment {
  /** Resolves when the script may run. */
  ready: Promise<void>
  /** Detaches the debugger. Must complete before the isolate is disposed of. */
  detach(): Promise<void>
}

export class Inspector {
  readonly #options: InspectOptions
  #server: DebugServer | undefined
  #waited = false

  constructor(options: InspectOptions) {
    this.#options = options
  }

  /**
   * Starts to listen on first use, and returns the script in the form that a debugger needs.
   *
   * @throws SipletError ERR_SIPLET_INSPECT_LANGUAGE, ERR_SIPLET_INSPECT_LISTEN
   */
  async open(script: Bundle): Promise<Bundle> {
    if (script.language === 'python') {
      throw new SipletError(
        'ERR_SIPLET_INSPECT_LANGUAGE',
        `script ${script.fileName} cannot be debugged: V8 would see MicroPython's WebAssembly, not Python; ` +
          'use print() or OpenSIPS.LM_DBG(), and show what they say (--log-level debug)',
      )
    }
    const code = debuggable(script)
    this.#server ??= await this.#listen()
    this.#server.scriptUrl = code.fileName
    return code
  }

  /**
   * Makes the isolate of a starting child reachable for debuggers. The first isolate waits for a debugger and breaks
   * at the first line of the script. After a reload, the new isolate does not wait; debuggers must connect to it
   * again.
   */
  attach(isolate: ivm.Isolate): Attachment {
    const server = this.#server!
    const session = new DebugSession(isolate, server.scriptUrl)
    server.use(session)
    const first = !this.#waited
    this.#waited = true
    if (first) this.#options.onListening?.(server.webSocketUrl)
    return {
      ready: first ? session.ready : Promise.resolve(),
      async detach() {
        server.forget(session)
        await session.close()
      },
    }
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }

  async #listen(): Promise<DebugServer> {
    const { host, port } = this.#options
    const server = new DebugServer()
    try {
      await server.listen(host, port)
    } catch (cause) {
      const reason =
        (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
          ? 'the port is in use; choose another, or 0 for any that is free'
          : (cause as Error).message
      throw new SipletError(
        'ERR_SIPLET_INSPECT_LISTEN',
        `the inspector cannot listen on ${host}:${port}: ${reason}`,
        { cause },
      )
    }
    return server
  }
}
