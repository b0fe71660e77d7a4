/** Debugging of one child with Chrome DevTools, VS Code, `node inspect`: what speaks the Chrome DevTools Protocol. */
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
  /** To be waited for before the isolate is disposed of. */
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
   * Listens, if it does not yet, and returns the script as a debugger needs it.
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
   * Lets debuggers reach the isolate of a child that starts. The first one waits for a debugger, and breaks at the
   * script's first line; those that take its place after a reload are there to be connected to anew.
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
