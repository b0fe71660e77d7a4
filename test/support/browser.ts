/** Runs pages in Debian's Chromium, without a window. */
import { existsSync } from 'node:fs'
import type { Context } from 'mocha'
import { type Browser, chromium, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

/** Returns null if there is no Chromium. The test is then skipped, and the reason is printed. */
export async function browser(test: Context): Promise<Browser | null> {
  if (!existsSync(CHROMIUM)) {
    console.log(
      `      SKIPPED: ${CHROMIUM} is missing (apt-get install chromium): the pages of reports are NOT tested`,
    )
    test.skip()
    return null
  }
  // Containers have no user namespaces for a sandbox.
  return await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
}

export interface OpenPage {
  page: Page
  /** Addresses of everything that the page requested. */
  requests: string[]
  /** Errors of the page's program, and its console output. */
  complaints: string[]
}

export async function openFile(
  browser: Browser,
  path: string,
  options: { colorScheme?: 'light' | 'dark'; width?: number; fragment?: string } = {},
): Promise<OpenPage> {
  const page = await browser.newPage({
    viewport: { width: options.width ?? 1_280, height: 900 },
    colorScheme: options.colorScheme ?? 'light',
  })
  page.setDefaultTimeout(20_000)
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => complaints.push(message.text()))
  await page.goto(`file://${path}${options.fragment ?? ''}`)
  return { page, requests, complaints }
}
