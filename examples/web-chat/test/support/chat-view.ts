import type { FrameLocator, Locator, Page } from 'playwright-core'

/** One person's chat, used as that person does: by what is written on it. */
export class ChatView {
  readonly page: Page
  readonly #scope: Page | FrameLocator

  /** @param scope - the page, or the frame in it that has the chat. */
  constructor(page: Page, scope: Page | FrameLocator) {
    this.page = page
    this.#scope = scope
  }

  /** Waits until the chat is open and connected. */
  async ready(): Promise<void> {
    await this.#scope.getByRole('tab', { name: 'Chats' }).waitFor()
    await this.banner().filter({ hasText: /^$/ }).waitFor({ state: 'attached' })
  }

  button(name: string | RegExp): Locator {
    return this.#scope.getByRole('button', { name, exact: typeof name === 'string' })
  }

  /** The line that says how the connection is. */
  banner(): Locator {
    return this.#scope.locator('.banner')
  }

  /** A line that appears for a moment. */
  notice(text: string | RegExp): Locator {
    return this.#scope.getByRole('log', { name: 'Notices' }).getByText(text)
  }

  tab(name: string): Locator {
    return this.#scope.getByRole('tab', { name })
  }

  /** A row of the list that is shown. */
  row(text: string | RegExp): Locator {
    return this.#scope.getByRole('tabpanel').getByRole('listitem').filter({ hasText: text })
  }

  /** A message, or a line of the system, of the open chat. */
  message(text: string | RegExp): Locator {
    return this.#scope.getByRole('log', { name: 'Messages' }).getByRole('listitem').filter({ hasText: text })
  }

  /** The name over the open chat, and what is said of it. */
  heading(): Locator {
    return this.#scope.getByRole('main').getByRole('heading', { level: 2 }).first()
  }

  field(): Locator {
    return this.#scope.getByRole('textbox', { name: /^Message to/ })
  }

  dialog(): Locator {
    return this.#scope.getByRole('dialog')
  }

  details(): Locator {
    return this.#scope.getByRole('complementary', { name: 'Details' })
  }

  async choose(menu: string | Locator, item: string): Promise<void> {
    const button = typeof menu === 'string' ? this.button(menu) : menu
    await button.click()
    await this.#scope.getByRole('menuitem', { name: item }).click()
  }

  /** Opens the chat with a person, found by name. */
  async find(name: string): Promise<void> {
    await this.choose('New', 'New chat')
    await this.dialog().getByRole('textbox').fill(name)
    await this.dialog().getByRole('textbox').press('Enter')
    await this.dialog().getByRole('button', { name: 'Write' }).click()
    // Not the field of the chat that was open before.
    await this.heading().filter({ hasText: name }).waitFor()
    await this.field().waitFor()
  }

  async write(text: string): Promise<void> {
    await this.field().fill(text)
    await this.field().press('Enter')
  }

  /** Does something with a message of the open chat. */
  async act(message: string, action: string): Promise<void> {
    const line = this.message(message)
    await line.hover()
    await this.choose(line.getByRole('button', { name: 'Message actions' }), action)
  }
}
