import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ChatView } from './support/chat-view.ts'
import { isLeftOut, keepScreenshot, World } from './support/world.ts'

describe.skipIf(isLeftOut)('the web chat: how it is used', () => {
  let world: World

  beforeAll(async () => {
    world = await World.start()
  })
  afterEach(({ task }) => world.endTest(task))
  afterAll(() => world?.stop())

  it('without a mouse: sign in, find somebody, write, go through messages, act on one, go back', async () => {
    const other = await world.signIn('Bob')
    const { page } = await world.openPage('/chat.html')
    const ada = new ChatView(page, page)
    const { keyboard } = page
    const isFocused = (name: string): Promise<void> => page.locator(':focus').and(page.getByLabel(name)).waitFor()
    await page.getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor()
    await keyboard.type('Ada')
    await keyboard.press('Enter')
    await ada.ready()
    await keyboard.press('Tab')
    await isFocused('New')
    await keyboard.press('Enter')
    await page.getByRole('menuitem', { name: 'New chat' }).and(page.locator(':focus')).waitFor()
    await keyboard.press('ArrowDown')
    await page.getByRole('menuitem', { name: 'New group' }).and(page.locator(':focus')).waitFor()
    await keyboard.press('Escape')
    await isFocused('New')
    await keyboard.press('Enter')
    await page.getByRole('menuitem', { name: 'New chat' }).and(page.locator(':focus')).waitFor()
    await keyboard.press('Enter')
    await ada.dialog().getByRole('textbox').and(page.locator(':focus')).waitFor()
    await keyboard.type('Bob')
    await keyboard.press('Enter')
    await ada.dialog().getByRole('button', { name: 'Write' }).waitFor()
    await keyboard.press('Tab')
    await keyboard.press('Tab')
    await keyboard.press('Enter')
    await isFocused('Message to Bob')
    for (const text of ['one', 'two', 'three']) {
      await keyboard.type(text)
      await keyboard.press('Enter')
      await ada.message(text).getByTitle('sent').waitFor()
    }
    await other.row('three').waitFor()
    await keyboard.press('Shift+Tab')
    await ada.message('three').and(page.locator(':focus')).waitFor()
    await keyboard.press('ArrowUp')
    await ada.message('two').and(page.locator(':focus')).waitFor()
    await keyboard.press('Home')
    await keyboard.press('End')
    await keyboard.press('Enter')
    await page.getByRole('menuitem', { name: 'Quote' }).and(page.locator(':focus')).waitFor()
    await keyboard.press('Enter')
    await isFocused('Message to Bob')
    await page.getByRole('button', { name: 'Do not quote' }).waitFor()
    await keyboard.press('Escape')
    await page.getByRole('button', { name: 'Do not quote' }).waitFor({ state: 'detached' })
    await keyboard.press('Escape')
    await page.getByText('Choose a chat, or begin a new one.').waitFor()
    await ada.tab('Chats').focus()
    await keyboard.press('ArrowRight')
    await page.getByRole('tab', { name: 'People', selected: true }).waitFor()
    await keyboard.press('ArrowLeft')
    await keyboard.press('Tab')
    await keyboard.press('Enter')
    await ada.message('three').waitFor()
  })

  it('a menu opens again in the moment in which it closes', async () => {
    const fay = await world.signIn('Fay')
    await fay.button('New').click()
    const item = fay.page.getByRole('menuitem', { name: 'New chat' })
    await item.and(fay.page.locator(':focus')).waitFor()
    // In one task: the browser tells that a popover closed only after it.
    await fay.page.evaluate(`
      document.querySelector('[popover]:popover-open').hidePopover()
      document.activeElement.click()
      new Promise((resolve) => setTimeout(resolve))`)
    await item.and(fay.page.locator(':focus')).waitFor()
    await fay.page.keyboard.press('Escape')
    await item.waitFor({ state: 'detached' })
  })

  it('in the dark, and on a narrow screen with one thing at a time', async () => {
    const [cleo, dan] = await Promise.all([
      world.signIn('Cleo', await world.newProfile({ colorScheme: 'dark' })),
      world.signIn('Dan', await world.newProfile({ viewport: { width: 390, height: 720 } })),
    ])
    await cleo.find('Dan')
    await cleo.write('Can you see me?')
    await keepScreenshot(dan.page, 'narrow-list')
    expect(await dan.field().count()).toBe(0)
    await dan.row('Can you see me?').click()
    await dan.message('Can you see me?').waitFor()
    await dan.tab('Chats').waitFor({ state: 'hidden' })
    await dan.write('Yes, even on a small screen')
    await cleo.message('Yes, even on a small screen').waitFor()
    await keepScreenshot(dan.page, 'narrow-chat')
    await keepScreenshot(cleo.page, 'dark')
    const width = await dan.page.evaluate('document.documentElement.scrollWidth')
    expect(width).toBe(390)
    await dan.button('Back to the chats').click()
    await dan.tab('Chats').waitFor()
    const ground = await cleo.page.evaluate('getComputedStyle(document.body).backgroundColor')
    expect(ground).toBe('rgb(20, 21, 27)')
  })

  it('another user opens in a window of its own', async () => {
    const eve = await world.signIn('Eve')
    const opened = eve.page.context().waitForEvent('page')
    await eve.choose('Account', 'Open as another user in a new window')
    const page = await opened
    await page.getByRole('button', { name: 'Dan' }).click()
    await new ChatView(page, page).ready()
    expect(await page.title()).toContain('Dan')
    expect(await eve.page.title()).toContain('Eve')
  })
})
