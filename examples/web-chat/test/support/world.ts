import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createImServer, type ImServer } from '@parlance/im-server'
import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { chromiumCure, findChromium } from '../../../../scripts/chromium.mjs'
import { ChatView } from './chat-view.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const builtPage = join(root, 'examples/web-chat/dist/page')
const screenshots = join(root, 'test-artifacts/screenshots')
const executablePath = findChromium()

/** Whether these tests can be left out: there is no browser, and nobody asked for all tests. */
export const isLeftOut = executablePath === undefined && process.env['REQUIRE_SERVICES'] !== '1'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A page that a person has open. */
export interface OpenPage {
  readonly page: Page
  /** What the browser complained of: scripts that failed, and what the content policy forbade. */
  readonly complaints: string[]
}

/** A server with the page on free ports, and a browser. */
export class World {
  #im: ImServer
  #api: string
  readonly #ws: string
  readonly #folder: TemporaryFolder
  readonly #browser: Browser

  private constructor(im: ImServer, addresses: { api: string; ws: string }, folder: TemporaryFolder, browser: Browser) {
    this.#im = im
    this.#api = addresses.api
    this.#ws = addresses.ws
    this.#folder = folder
    this.#browser = browser
  }

  static async start(): Promise<World> {
    if (executablePath === undefined) throw new Error(`there is no Chromium: ${chromiumCure}`)
    const browser = await chromium.launch({ executablePath, args: flags })
    const folder = temporaryFolder()
    const im = await createImServer({ dataDir: folder.path, page: builtPage, logLevel: 'error' }, {})
    return new World(im, await im.listen({ apiPort: 0, wsPort: 0 }), folder, browser)
  }

  get api(): string {
    return this.#api
  }

  /** A browser that nobody has used yet: no database, no cache. */
  newProfile(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    return this.#browser.newContext({ viewport: { width: 900, height: 640 }, locale: 'en-GB', ...options })
  }

  /** Opens an address of the page. */
  async openPage(path: string, profile?: BrowserContext): Promise<OpenPage> {
    const page = await (profile ?? (await this.newProfile())).newPage()
    const complaints: string[] = []
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('console', (message) => {
      if (/Content Security Policy|TypeError/.test(message.text())) complaints.push(message.text())
    })
    await page.goto(this.#api + path)
    return { page, complaints }
  }

  /** Signs somebody in on a page of their own. */
  async signIn(name: string, profile?: BrowserContext): Promise<ChatView> {
    const { page } = await this.openPage(`/chat.html?user=${encodeURIComponent(name)}`, profile)
    const view = new ChatView(page, page)
    await view.ready()
    return view
  }

  /** Stops the server; what is kept stays. */
  stopServer(): Promise<void> {
    return this.#im.stop()
  }

  /** Starts it again, on the same ports. */
  async startServer(): Promise<void> {
    this.#im = await createImServer({ dataDir: this.#folder.path, page: builtPage, logLevel: 'error' }, {})
    await this.#im.listen({ apiPort: portOf(this.#api), wsPort: portOf(this.#ws) })
  }

  /** Somebody writes to somebody else, without a page of their own. */
  async write(sendID: string, recvID: string, content: string): Promise<void> {
    await this.#im.sendMessage({ sendID, recvID, sessionType: 1, contentType: 101, content: { content } })
  }

  /** After each test: keeps what was on the screen when it failed, and closes every page. */
  async endTest(task: { readonly name: string; readonly result?: { readonly state: string } }): Promise<void> {
    for (const [number, page] of this.#browser
      .contexts()
      .flatMap((profile) => profile.pages())
      .entries()) {
      const name = `failed-${task.name.slice(0, 40).replaceAll(/\W+/g, '-')}-${number}`
      if (task.result?.state === 'fail') await keepScreenshot(page, name)
    }
    await Promise.all(this.#browser.contexts().map((profile) => profile.close()))
  }

  async stop(): Promise<void> {
    await this.#browser.close()
    await this.#im.stop()
    this.#folder.remove()
  }
}

const portOf = (address: string): number => Number(new URL(address).port)

/** Keeps what a page looks like. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: join(screenshots, `${name}.png`) })
}
