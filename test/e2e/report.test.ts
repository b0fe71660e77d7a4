/** The report of siplet replay in Chromium: with the mouse, with keys, and with a hostile capture. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { CaptureEncoder, LINKTYPE, udpFrames } from '../../packages/cli/src/capture/index.ts'
import type { ReplayedMessage } from '../../packages/cli/src/replay/replayed-message.ts'
import { REPORT_LIMITS, ReportWriter } from '../../packages/cli/src/report/report-writer.ts'
import { browser, openFile } from '../support/browser.ts'
import { siplet } from '../support/cli.ts'
import { handler, scriptFile } from '../support/engine.ts'
import { INVITE, inviteOf, SDP, sip } from '../support/messages.ts'
import { replayed } from '../support/replayed.ts'
import { readReport } from '../support/report.ts'

const CALLS = 'examples/calls.pcapng'
const HANDLER = 'examples/handler.ts'

const folder = mkdtempSync(join(tmpdir(), 'siplet-report-'))
after(() => rmSync(folder, { recursive: true }))

/** Replays these payloads, one per second, and returns the path of the report. */
async function reportOf(name: string, script: string, payloads: readonly string[]): Promise<string> {
  const encoder = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.RAW })
  const frames = payloads.flatMap((payload, second) =>
    udpFrames(
      { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060], payload: Buffer.from(payload) },
      { linktype: LINKTYPE.RAW },
    ).map((frame) => encoder.frame(second, 0, frame)),
  )
  writeFileSync(join(folder, `${name}.pcap`), Buffer.concat([encoder.header, ...frames]))
  const path = join(folder, `${name}.html`)
  const args = ['replay', join(folder, `${name}.pcap`), '--script', script, '--report', path]
  const { exitCode, stderr } = await siplet([...args, '--log-level', 'silent', '--allow-empty'])
  assert.equal(exitCode, 0, stderr)
  return path
}

/** A report that ended at its limits. */
let limitsPath: string

describe('the file of a report', () => {
  it('contains every message with its decision, its edits and its log lines', async () => {
    const path = await reportOf(
      'file',
      scriptFile(
        handler(
          `request_route(msg) { LM_WARN('für ' + msg.CallID); msg.setHeader('Max-Forwards', '69'); return -1 }`,
        ),
      ),
      [INVITE, INVITE, sip({ startLine: 'SIP/2.0 486 Busy Here' })],
    )
    const { html, index, details } = readReport(path)
    assert.deepEqual(index.decisions, [0, 2, 0, 0, 1])
    assert.deepEqual(index.totals, { messages: 3, requests: 2, replies: 1, edited: 2, dstUri: 0 })
    assert.equal(index.listed, 3)
    assert.equal(index.withText, 3)
    assert.deepEqual(index.messages.time, [0, 1_000_000, 2_000_000])
    assert.equal(details[0]!.raw, INVITE)
    assert.deepEqual(details[0]!.logs, [['WARN', 'für call-1@example.com']])
    const at = INVITE.indexOf('70\r\n')
    assert.deepEqual(details[0]!.splices, [[at, at + 2, '69']])
    assert.doesNotMatch(
      html,
      /https?:\/\/(?!www\.w3\.org)[^ ]*["')]/,
      'the file refers to no address on the web',
    )
  })

  it('is complete if the replay ended early, and has a note about the early end', async () => {
    const path = join(folder, 'limit.html')
    const { exitCode } = await siplet(['replay', CALLS, '-s', HANDLER, '--limit', '5', '--report', path])
    assert.equal(exitCode, 0)
    const { index } = readReport(path)
    assert.equal(index.listed, 5)
    assert.match(index.notes.join(), /ended early/)
  })

  it('contains all messages before an unusable capture, and the reason', async () => {
    const path = join(folder, 'unusable.html')
    const { exitCode } = await siplet(['replay', CALLS, HANDLER, '-s', HANDLER, '--report', path])
    assert.equal(exitCode, 2)
    const { index } = readReport(path)
    assert.equal(index.listed, 37)
    assert.match(index.notes.join(), /everything after this error: .*handler\.ts is neither pcap nor pcapng/)
  })

  it('ends the list of messages at its limits, but counts all messages', async () => {
    const path = join(folder, 'limits.html')
    const limits = { ...REPORT_LIMITS, messages: 700, textBytes: 1 }
    const writer = await ReportWriter.open(path, NONE, limits)
    await writer.write(slice(0, 1_000))
    await writer.close()
    const { index, details } = readReport(path)
    assert.equal(index.totals.messages, 1_000)
    assert.deepEqual(index.decisions, [0, 0, 0, 0, 1_000])
    assert.equal(index.listed, 700)
    assert.equal(index.messages.frame.length, 700)
    assert.ok(index.withText >= 256 && index.withText < 700, `${index.withText}`)
    assert.equal(details.length, index.withText)
    assert.match(details.at(-1)!.raw, new RegExp(`branch=z9hG4bK-${(index.withText - 1) * 7_919}\\r`))
    limitsPath = path
  })

  it('causes a clear error if it cannot be written', async () => {
    const { exitCode, stderr } = await siplet([
      'replay',
      CALLS,
      '-s',
      HANDLER,
      '--report',
      '/no/such/folder/r.html',
    ])
    assert.equal(exitCode, 2)
    assert.match(stderr, /ERR_SIPLET_OUTPUT.*\/no\/such\/folder\/r\.html cannot be written/s)
  })
})

describe('the page of a report', function () {
  this.timeout(60_000)
  let chromium: Browser
  let examplePath: string

  before(async function () {
    const launched = await browser(this)
    if (launched === null) return
    chromium = launched
    examplePath = join(folder, 'example.html')
    const { exitCode, stderr } = await siplet(['replay', CALLS, '-s', HANDLER, '--report', examplePath])
    assert.equal(exitCode, 0, stderr)
  })
  after(() => chromium?.close())

  /** Waits until the list shows the number of found calls. */
  const found = (page: Page, words: string | RegExp) => page.getByRole('status').getByText(words).waitFor()
  const list = (page: Page) => page.getByRole('grid', { name: 'Calls' })
  const ladder = (page: Page) => page.getByRole('listbox')
  const selectedStep = (page: Page) => ladder(page).getByRole('option', { selected: true })
  const messagePanel = (page: Page) => page.getByRole('region', { name: /^Message/ })

  it('shows the edits of a message after clicks on a call and on the message', async () => {
    const { page, requests, complaints } = await openFile(chromium, examplePath)
    await page.getByRole('searchbox').fill('0049 is:edited')
    await found(page, '2 of 7 calls')
    await list(page).getByRole('row').nth(1).click()
    const first = ladder(page).getByRole('option').first()
    assert.match((await first.textContent())!, /frame 5: INVITE \(SDP\), 192\.0\.2\.10:5060 to /)
    await ladder(page).getByRole('option').nth(1).click()
    assert.equal(await messagePanel(page).getByRole('heading').first().textContent(), '100 Trying frame 6')
    await first.click()
    const lines = messagePanel(page).locator('pre.text .line')
    assert.equal(await lines.filter({ hasText: 'INVITE sip:' }).count(), 2)
    assert.equal(await page.locator('.removed mark').first().textContent(), '00493012345678')
    assert.equal(await page.locator('.added', { hasText: 'X-Gateway-Prefix' }).count(), 1)
    await page.getByRole('button', { name: 'after' }).click()
    assert.equal(await page.locator('.removed').count(), 0)
    await page.getByRole('button', { name: 'Calls' }).click()
    assert.equal(await page.getByRole('searchbox').inputValue(), '0049 is:edited')
    assert.deepEqual(requests, [`file://${examplePath}`])
    assert.deepEqual(complaints, [])
    await page.close()
  })

  it('is usable with only the keyboard', async () => {
    const { page } = await openFile(chromium, examplePath)
    await list(page).waitFor()
    const focused = () =>
      page.evaluate<string>('document.activeElement.role ?? document.activeElement.tagName')
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    await press('/')
    await page.keyboard.type('method:invite')
    await press('Enter')
    assert.equal(await focused(), 'grid')
    await press('End', 'Home', 'ArrowDown')
    assert.equal(await list(page).getByRole('row', { selected: true }).getAttribute('aria-rowindex'), '3')
    assert.equal(
      await list(page).getAttribute('aria-activedescendant'),
      await list(page).getByRole('row', { selected: true }).getAttribute('id'),
    )
    await press('Enter')
    await ladder(page).waitFor()
    assert.equal(await focused(), 'listbox')
    await press('ArrowDown', 'ArrowDown')
    assert.equal(await ladder(page).getByRole('option').nth(2).getAttribute('aria-selected'), 'true')
    await press('Enter')
    assert.equal(await focused(), 'SECTION')
    await press('Escape')
    assert.equal(await focused(), 'listbox')
    const before = await selectedStep(page).getAttribute('id')
    await press('ArrowRight')
    assert.notEqual(await selectedStep(page).getAttribute('id'), before)
    await press('ArrowLeft', 'Escape')
    assert.equal(await focused(), 'grid')
    assert.equal(await list(page).getByRole('row', { selected: true }).getAttribute('aria-rowindex'), '3')
    await press('Escape')
    assert.equal(await page.getByRole('searchbox').inputValue(), '')
    await press('/')
    await page.keyboard.type('no such call')
    await press('Enter', 'ArrowDown', 'Enter', 'Escape')
    await found(page, /^7 calls$/)
    await page.close()
  })

  it('opens at the message that its URL names, and follows Back', async () => {
    const { page } = await openFile(chromium, examplePath, { fragment: '#message=4' })
    assert.match((await selectedStep(page).textContent())!, /frame 5: /)
    await page.keyboard.press('Escape')
    await list(page).waitFor()
    await page.goBack()
    await ladder(page).waitFor()
    await page.close()
  })

  it('shows errors with the stack and the log lines of the script', async () => {
    const script = scriptFile(
      handler(`request_route(msg) { LM_ERR('looking up ' + msg.RURI); return table.find(msg) }`),
      'lookup.js',
    )
    const { page } = await openFile(chromium, await reportOf('errors', script, [INVITE, inviteOf('other')]))
    await page.getByRole('button', { name: /table is not defined/ }).click()
    await found(page, '2 calls')
    await list(page).getByRole('row').nth(2).click()
    const panel = messagePanel(page)
    await panel.getByText('looking up sip:bob@example.net').waitFor()
    assert.match(
      (await panel.locator('.failure').textContent())!,
      /ERR_SIPLET_SCRIPT.*ReferenceError.*lookup\.js:1:/s,
    )
    await page.close()
  })

  it('says that no message was replayed, and shows no empty charts', async () => {
    const script = scriptFile(handler('request_route() { return 1 }'))
    const { page, complaints } = await openFile(chromium, await reportOf('empty', script, ['no SIP']))
    await page.getByText('No SIP message was replayed.').waitFor()
    await page.getByText('1 datagram without SIP on port 5060 or 5061').waitFor()
    // biome-ignore lint/performance/useDomNodeTextContent: only the visible text, without the page's own script
    const text = await page.locator('body').innerText()
    assert.doesNotMatch(text, /1970|Decisions over time|Escape shows all/)
    assert.deepEqual(complaints, [])
    await page.close()
  })

  it('filters by the span that is selected in the chart', async () => {
    const script = scriptFile(handler('request_route() { return 1 }'))
    const payloads = Array.from({ length: 20 }, (_, k) => inviteOf(`call-${k}`))
    const { page } = await openFile(chromium, await reportOf('span', script, payloads))
    const plot = (await page.locator('.u-over').first().boundingBox())!
    await page.mouse.move(plot.x + 1, plot.y + 20)
    await page.mouse.down()
    await page.mouse.move(plot.x + plot.width / 2, plot.y + 20, { steps: 4 })
    await page.mouse.up()
    await found(page, /^(9|10|11) of 20 calls$/)
    await page.getByRole('button', { name: 'show all times' }).click()
    await found(page, '20 calls')
    await page.close()
  })

  it('reports omitted messages in the list, and an omitted text in place of the text', async () => {
    const { page } = await openFile(chromium, limitsPath, { fragment: '#message=699' })
    await messagePanel(page).getByText('The text of this message was left out').waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('the list below holds the first 700 of 1,000 messages').waitFor()
    await page.close()
  })

  it('says that the file is incomplete', async () => {
    const whole = readFileSync(examplePath, 'utf8')
    const path = join(folder, 'unfinished.html')
    writeFileSync(path, whole.slice(0, whole.indexOf('id="index"')))
    const { page } = await openFile(chromium, path)
    await page.getByText('was not written to its end').waitFor()
    await page.close()
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1_280, 390]) {
      it(`has no accessibility fault that axe finds: ${colorScheme}, ${width} pixels wide`, async () => {
        const { page } = await openFile(chromium, examplePath, { colorScheme, width })
        await list(page).waitFor()
        assert.deepEqual(await faults(page), [])
        assert.ok(
          (await page.evaluate<number>('document.documentElement.scrollWidth')) <= width,
          'nothing is wider than the window',
        )
        await list(page).getByRole('row').nth(2).click()
        await page.locator('pre.text').waitFor()
        assert.deepEqual(await faults(page), [])
        await page.close()
      })
    }
  }

  it('runs no code of a capture and requests no URL of a capture', async () => {
    const evil = '"><img src=x onerror=pwned=1></script><script>pwned=1</script><svg onload=pwned=1>'
    const payload = sip({
      startLine: `INVITE sip:bob@example.net;x=<img/src=//example.com/onerror=pwned=1> SIP/2.0`,
      headers: [
        ['Via', `SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-1${evil}`],
        ['From', `"${evil}" <sip:</script><b>@example.com>;tag=1`],
        ['To', `<sip:javascript:alert(1)@example.net>\u202Egnp.exe`],
        ['Call-ID', `__proto__${evil}`],
        ['CSeq', '1 INVITE'],
        ['Content-Type', 'application/sdp'],
      ],
      body: `${SDP}s=${evil}\u0000\u0007\r\n`,
    })
    const reply = sip({ startLine: `SIP/2.0 404 ${evil}` })
    const script = scriptFile(
      handler(`request_route(msg) {
        msg.setHeader('X-Evil', msg.CallID); LM_ERR(msg.CallID); throw new Error(msg.CallID) }`),
    )
    const path = await reportOf('evil', script, [payload, reply])
    const { html } = readReport(path)
    assert.equal(html.includes('onerror=pwned'), false, 'the HTML contains no text of the capture')
    const { page, requests, complaints } = await openFile(chromium, path)
    const check = async () => {
      assert.equal(await page.evaluate(() => 'pwned' in globalThis), false)
      assert.equal(await page.locator('img, b >> text=@example.com, svg[onload], iframe, a').count(), 0)
    }
    await page.getByRole('searchbox').fill('__proto__')
    await found(page, '1 of 2 calls')
    await check()
    await list(page).getByRole('row').nth(1).click()
    const text = (await page.locator('pre.text').textContent())!
    assert.ok(text.includes(evil), 'the text is shown as received')
    assert.ok(
      text.includes('\\u{202e}gnp.exe'),
      'characters that change the direction of text are made visible',
    )
    assert.ok(text.includes('␀␇'))
    await check()
    await page.getByRole('button', { name: 'Calls' }).click()
    await page.getByRole('searchbox').fill('404')
    await list(page).getByRole('row').nth(1).click()
    await page.locator('pre.text').waitFor()
    await check()
    assert.deepEqual(requests, [`file://${path}`])
    assert.deepEqual(complaints, [])
    await page.close()
  })

  it('has a Content Security Policy that stops injected scripts, requests, and HTML made from text', async () => {
    const { page } = await openFile(chromium, examplePath)
    await list(page).waitFor()
    assert.deepEqual(await page.evaluate(INTRUDE), {
      stopped: ['connect-src', 'img-src', 'require-trusted-types-for', 'require-trusted-types-for'],
      pwned: false,
    })
    await page.close()
  })

  it('renders only the visible rows of 100,000 messages', async () => {
    const path = join(folder, 'many.html')
    const writer = await ReportWriter.open(path, NONE)
    for (let k = 0; k < 100_000; k += 500) await writer.write(slice(k, 500))
    await writer.close()
    const start = performance.now()
    const { page } = await openFile(chromium, path)
    await found(page, '20,000 calls')
    const opened = performance.now()
    await page.getByRole('searchbox').fill('caller-777')
    await found(page, '11 of 20,000 calls')
    const searched = performance.now()
    await page.getByRole('searchbox').fill('')
    await list(page).focus()
    await page.keyboard.press('End')
    await list(page).locator('[aria-rowindex="20001"][aria-selected=true]').waitFor()
    assert.ok((await list(page).getByRole('row').count()) < 60)
    await page.keyboard.press('Enter')
    await page.locator('pre.text', { hasText: 'caller-19999@' }).waitFor()
    console.log(
      `      100,000 messages: ${(statSync(path).size / 1e6).toFixed(1)} MB, opened in ${Math.round(opened - start)} ms, searched in ${Math.round(searched - opened)} ms`,
    )
    await page.close()
  })
})

/** Runs in the page: attempts that a fault of the page might allow, and the directives that prevent them. */
const INTRUDE = `(async () => {
  const stopped = []
  document.addEventListener('securitypolicyviolation', (event) => stopped.push(event.effectiveDirective))
  try { document.body.innerHTML += '<img src=x onerror="window.pwned = 1">' } catch {}
  try { document.createElement('script').textContent = 'window.pwned = 1' } catch {}
  const image = document.createElement('img')
  image.src = 'https://example.com/leak.png'
  document.body.append(image)
  await fetch('https://example.com/').catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 100))
  return { stopped: stopped.sort(), pwned: 'pwned' in window }
})()`

/** Returns the findings of axe in short. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
  )
}

/** Messages of calls with five messages each, all different. */
const NONE = { script: 'none.ts', captures: ['many.pcap'], notes: () => [] }

function slice(from: number, count: number): ReplayedMessage[] {
  return Array.from({ length: count }, (_, k) => {
    const number = from + k
    const text = inviteOf(`caller-${Math.floor(number / 5)}@example.com`)
    return replayed(number + 1, text.replace('bK-1', `bK-${number * 7_919}`))
  })
}
