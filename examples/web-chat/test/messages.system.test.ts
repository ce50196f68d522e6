import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ChatView } from './support/chat-view.ts'
import { isLeftOut, keepScreenshot, type OpenPage, World } from './support/world.ts'

describe.skipIf(isLeftOut)('the web chat: messages', () => {
  let world: World

  beforeAll(async () => {
    world = await World.start()
  })
  afterEach(({ task }) => world.endTest(task))
  afterAll(() => world?.stop())

  it('two people side by side write to each other, and see who is there, types and has read', async () => {
    const { page, complaints }: OpenPage = await world.openPage(
      '/',
      await world.newProfile({ viewport: { width: 1280, height: 760 } }),
    )
    const [ada, bob] = ['#left', '#right'].map((side) => new ChatView(page, page.frameLocator(side)))
    await Promise.all([ada!.ready(), bob!.ready()])
    await ada!.button('Write to Bob').click()
    await ada!.write('Hello Bob! <b onclick="x">not bold</b> <img src=x onerror=alert(1)>')
    await bob!.row('Ada').getByText('1 new').waitFor()
    await ada!.message('Hello Bob!').getByTitle('sent').waitFor()
    await bob!.row('Ada').click()
    await bob!.message('<b onclick="x">not bold</b> <img src=x onerror=alert(1)>').waitFor()
    await bob!.row('Ada').getByText('new').waitFor({ state: 'detached' })
    await ada!.message('Hello Bob!').getByTitle('read').waitFor()
    await ada!.heading().getByText('online').waitFor()
    await bob!.field().pressSequentially('Hi Ada')
    await ada!.heading().getByText('typing…').waitFor()
    await bob!.field().press('Shift+Enter')
    await bob!.field().pressSequentially('How are you?')
    await bob!.field().press('Enter')
    await ada!.message('Hi Ada How are you?').waitFor()
    expect(await ada!.message('Hi Ada').locator('.text').textContent()).toBe('Hi Ada\nHow are you?')
    await ada!.heading().getByText('typing…').waitFor({ state: 'detached' })
    await bob!.message('How are you?').getByTitle('read').waitFor()
    await keepScreenshot(page, 'side-by-side')
    expect(complaints).toEqual([])
  })

  it('a message that is quoted is shown with its answer', async () => {
    const [cleo, dan] = await Promise.all([world.signIn('Cleo'), world.signIn('Dan')])
    await cleo.find('Dan')
    await cleo.write('Shall we meet at noon?')
    await dan.row('Cleo').click()
    await dan.act('Shall we meet at noon?', 'Quote')
    await dan.write('Yes, gladly')
    const answer = cleo.message('Yes, gladly')
    await answer.getByRole('blockquote').getByText('Shall we meet at noon?').waitFor()
  })

  it('a page that is loaded again shows the same, and asks only for what changed; a new browser gets all of it', async () => {
    const [eve, fay] = await Promise.all([world.signIn('Eve'), world.signIn('Fay')])
    await eve.find('Fay')
    const texts = Array.from({ length: 40 }, (_, at) => `message number ${at + 1}.`)
    for (const text of texts) await eve.write(text)
    await fay.row('message number 40.').waitFor()
    await fay.row('Eve').click()
    await fay.message('message number 40.').waitFor()

    const asked: number[] = []
    const note = (view: ChatView): void =>
      void view.page.on('request', (request) => {
        if (request.url().endsWith('/conversation/get_incremental_conversations'))
          asked.push((request.postDataJSON() as { version: number }).version)
      })
    note(fay)
    await fay.page.reload()
    await fay.ready()
    await fay.row('Eve').click()
    await fay.message('message number 40.').waitFor()
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((version) => version === 0)).toEqual([])

    const other = await world.newProfile()
    const { page } = await world.openPage('/chat.html', other)
    const fresh = new ChatView(page, page)
    note(fresh)
    asked.length = 0
    await page.getByRole('textbox', { name: 'Name' }).fill('Fay')
    await page.getByRole('textbox', { name: 'Name' }).press('Enter')
    await fresh.ready()
    expect(asked).toContain(0)
    await fresh.row('Eve').click()
    await fresh.message('message number 40.').waitFor()
    // The window that was there first gives way.
    await fay.page.getByRole('heading', { name: 'Signed out' }).waitFor()
    // Older messages come when one scrolls up to them, and what was seen stays where it was.
    await fresh.page.getByRole('log', { name: 'Messages' }).getByRole('listitem').first().scrollIntoViewIfNeeded()
    await fresh.page.locator('.messages').evaluate((box: { scrollTop: number }) => (box.scrollTop = 0))
    await fresh.message(/message number 1\./).waitFor()
    await fresh.page.getByText('This is the beginning.').waitFor()
    const shown = await fresh.page.locator('.message .text').allTextContents()
    expect(shown).toEqual(texts)
  })

  it('a page whose server restarts comes back by itself, and sends what was written meanwhile', async () => {
    const [gil, hal] = await Promise.all([world.signIn('Gil'), world.signIn('Hal')])
    await gil.find('Hal')
    await gil.write('before')
    await hal.row('before').click()
    // Else a request may be cut off by the stop, and the core waits for its answer for ten seconds.
    await gil.message('before').getByTitle('read').waitFor()
    await world.stopServer()
    await gil
      .banner()
      .getByText(/does not answer|Reconnecting/)
      .waitFor()
    await gil.write('into the void')
    await gil.message('into the void').getByTitle('sending').waitFor()
    await keepScreenshot(gil.page, 'server-gone')
    await world.startServer()
    await Promise.all([gil.ready(), hal.ready()])
    await hal.message('into the void').waitFor()
    await hal.write('and after')
    await gil.message('and after').waitFor()
    expect(await gil.page.locator('.message .text').allTextContents()).toEqual(['before', 'into the void', 'and after'])
  })

  it('a page that connects twice within a few seconds shows what was written in between', async () => {
    const [ida, jon] = await Promise.all([world.signIn('Ida'), world.signIn('Jon')])
    await ida.find('Jon')
    await ida.write('before')
    await jon.row('before').click()
    await ida.message('before').getByTitle('read').waitFor()
    // A new page, so that its first connection is younger than five seconds when the next one is made.
    await jon.page.reload()
    await jon.ready()
    await jon.row('before').click()
    await jon.message('before').waitFor()
    await world.stopServer()
    await world.startServer()
    await world.write('ida', 'jon', 'while you were away')
    await jon.message('while you were away').waitFor()
  })

  it('a page whose server is not there when it is opened says so, and tries again', async () => {
    const profile = await world.newProfile()
    const { page } = await world.openPage('/chat.html', profile)
    await world.stopServer()
    await page.getByRole('button', { name: 'Ada' }).click()
    await page.getByText('The server does not answer. Is it running?').waitFor()
    await world.startServer()
    await page.getByRole('button', { name: 'Try again' }).click()
    await new ChatView(page, page).ready()
  })
})
