/** The work of route.js on the same parser, as the source of a function, for sandboxes without SIPMsg. */
import { fileURLToPath } from 'node:url'
import { checkURI, SIPMessage } from '@siplet/sipmsg'
import { build } from 'esbuild'

/** Does the work without any sandbox: the physical limit. Returns the edited message. */
export function sameWork(source: Uint8Array | string): string {
  return edit({ checkURI, SIPMessage }, source)
}

/** Returns an expression whose value is {@link sameWork} for one-byte text. */
export async function sameWorkSource(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(import.meta.resolve('@siplet/sipmsg'))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'sipmsg',
    target: 'es2022',
  })
  return `(() => { ${outputFiles[0]!.text}\nconst edit = ${edit}\nreturn (source) => edit(sipmsg, source) })()`
}

function edit(
  sipmsg: { checkURI: typeof checkURI; SIPMessage: typeof SIPMessage },
  source: Uint8Array | string,
): string {
  const message = new sipmsg.SIPMessage(source)
  const uri = message.ruri!
  if (message.method !== 'INVITE' || !message.getHeader('X-Account')!.startsWith('gold')) return ''
  message.rewriteRURI(`sip:9${uri.slice('sip:'.length, uri.indexOf('@'))}@127.0.0.1:5090`)
  sipmsg.checkURI('sip:127.0.0.1:5099')
  return message.text
}
