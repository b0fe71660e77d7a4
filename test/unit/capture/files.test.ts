/** Compressed captures, several captures, and directories. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { findCaptures, udpFrames } from '../../../packages/cli/src/capture/index.ts'
import { captureFolder, captureOf, readAll } from '../../support/capture-reading.ts'
import { TCPSide } from '../../support/encapsulation.ts'
import { INVITE, inviteOf, RINGING } from '../../support/messages.ts'

const ENDS = { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060] } as const
const udp = (text: string) => udpFrames({ ...ENDS, payload: Buffer.from(text) }, { linktype: 1 })[0]!

describe('capture files', () => {
  const captures = captureFolder()

  for (const [name, compress] of [
    ['gzip', gzipSync],
    ['Zstandard', zstdCompressSync],
  ] as const) {
    it(`are decompressed with ${name}, whatever their names; progress counts compressed bytes`, async () => {
      const compressed = compress(captureOf([udp(INVITE), udp(RINGING)]))
      let bytes = 0
      const { messages, stats } = await readAll(captures.write(compressed), {
        onBytes: (total) => (bytes = total),
      })
      assert.deepEqual(
        messages.map(({ frame }) => frame),
        [1, 2],
      )
      assert.deepEqual(stats.truncated, {})
      assert.equal(bytes, compressed.length)
    })

    it(`${name}, cut at any byte: decompressed data is read, and the rest is reported`, async () => {
      const compressed = compress(captureOf(Array.from({ length: 50 }, (_, k) => udp(inviteOf(`${k}`)))))
      for (let length = 4; length < compressed.length; length += 7) {
        const path = captures.write(compressed.subarray(0, length))
        try {
          const { stats } = await readAll(path)
          assert.match(
            stats.truncated[path]!.reason,
            /compressed data is damaged or cut short|ends within a record/,
          )
        } catch (error) {
          assert.equal((error as { code: string }).code, 'ERR_SIPLET_CAPTURE_FORMAT')
        }
      }
    })
  }

  it('are merged by time, each with its own frame numbers', async () => {
    const early = captures.write(
      captureOf([udp('OPTIONS sip:1 SIP/2.0\r\n\r\n'), udp('OPTIONS sip:2 SIP/2.0\r\n\r\n')], 100),
    )
    const late = captures.write(captureOf([udp('OPTIONS sip:4 SIP/2.0\r\n\r\n')], 201))
    const between = captures.write(
      captureOf(
        [
          udp('OPTIONS sip:0 SIP/2.0\r\n\r\n'),
          ...Array(100).fill(udp('x')),
          udp('OPTIONS sip:3 SIP/2.0\r\n\r\n'),
        ],
        99,
      ),
    )
    const { messages } = await readAll([late, between, early])
    assert.deepEqual(
      messages.map(({ bytes, frame, file }) => [bytes.toString('latin1', 8, 13), frame, basename(file)]),
      [
        ['sip:0', 1, basename(between)],
        ['sip:1', 1, basename(early)],
        ['sip:2', 2, basename(early)],
        ['sip:3', 102, basename(between)],
        ['sip:4', 1, basename(late)],
      ],
    )
  })

  it('may split a connection, which continues in the next file', async () => {
    const side = new TCPSide(...[ENDS.src, ENDS.dst])
    const first = captures.write(captureOf([side.syn(), side.send(INVITE.slice(0, 100))], 100))
    const second = captures.write(captureOf([side.send(INVITE.slice(100))], 200))
    const { messages } = await readAll([second, first])
    assert.deepEqual(
      messages.map(({ bytes, file, frame }) => [bytes.toString(), file, frame]),
      [[INVITE, second, 1]],
    )
  })

  it('are closed if they cannot be read any further', async () => {
    const damaged = captures.write(Buffer.concat([captureOf([udp(INVITE)]), Buffer.alloc(3_000_000, 7)]))
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    for (let k = 0; k < 20; k++) assert.equal((await readAll(damaged)).messages.length, 1)
    await setTimeout(100)
    assert.ok(open() < before + 10)
  })

  it('that are unusable are reported after the others were read', async () => {
    const good = captures.write(captureOf([udp(INVITE)]))
    const bad = captures.write(Buffer.from('no capture'))
    let messages = 0
    const { readSIPMessages, createCaptureStats } = await import('../../../packages/cli/src/capture/index.ts')
    await assert.rejects(
      async () => {
        for await (const batch of readSIPMessages([bad, good], createCaptureStats())) messages += batch.length
      },
      { code: 'ERR_SIPLET_CAPTURE_FORMAT' },
    )
    assert.equal(messages, 1)
  })

  it('in a directory are found if the directory is given', async () => {
    const directory = join(captures.folder, 'directory')
    mkdirSync(join(directory, 'deeper.pcap'), { recursive: true })
    for (const name of ['b.pcap', 'a.pcapng.gz', 'c.pcap12', 'd.CAP.zst', 'notes.txt'])
      writeFileSync(join(directory, name), '')
    assert.deepEqual(
      (await findCaptures([directory, 'x'])).map((path) => basename(path)),
      ['a.pcapng.gz', 'b.pcap', 'c.pcap12', 'd.CAP.zst', 'x'],
    )
    mkdirSync(join(captures.folder, 'empty'))
    await assert.rejects(findCaptures([join(captures.folder, 'empty')]), {
      code: 'ERR_SIPLET_CAPTURE_NOT_FOUND',
    })
  })
})
