/** Messages as a replay passes them to its outputs, without captures and engines. */
import { SIPMessage } from '@siplet/sipmsg'
import { ReplayedMessage } from '../../packages/cli/src/replay/replayed-message.ts'
import { ExecResult, type RunTime } from '../../packages/engine/src/exec-result.ts'

type Outcome = ConstructorParameters<typeof ExecResult>[1]

const ALICE = ['192.0.2.10', 5060] as const
const PROXY = ['192.0.2.1', 5060] as const

/**
 * Returns a message. Requests come from a phone, replies from the proxy; frames are ten milliseconds apart.
 *
 * @param frame counted from 1
 * @param outcome null if no method was called
 */
export function replayed(
  frame: number,
  text: string,
  outcome: Partial<Outcome> | null = null,
  time: RunTime = { us: 10, sharedBy: 1 },
): ReplayedMessage {
  const message = new SIPMessage(text)
  const [src, dst] = message.isRequest ? [ALICE, PROXY] : [PROXY, ALICE]
  const milliseconds = (frame - 1) * 10
  const fraction = String((milliseconds % 1_000) * 1_000_000).padStart(9, '0')
  const bytes = Buffer.from(text)
  return new ReplayedMessage({
    captured: {
      file: 'calls.pcap',
      frame,
      time: `${1_767_254_400 + Math.floor(milliseconds / 1_000)}.${fraction}`,
      transport: 'udp',
      src,
      dst,
      bytes,
    },
    message,
    exec: outcome && 'request_route',
    result:
      outcome &&
      new ExecResult(
        bytes,
        { code: 1, error: null, dstUri: null, splices: [], logs: [], ...outcome },
        1,
        time,
      ),
  })
}
