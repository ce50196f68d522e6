import type { Locator } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { ChatView } from './support/chat-view.ts'
import { isLeftOut, keepScreenshot, World } from './support/world.ts'

describe.skipIf(isLeftOut)('the web chat: care of friends and groups', () => {
  let world: World

  beforeAll(async () => {
    world = await World.start()
  })
  afterEach(({ task }) => world.endTest(task))
  afterAll(() => world?.stop())

  /** Makes a group of somebody and the people whom they know by then. */
  async function makeGroup(owner: ChatView, name: string, others: readonly string[]): Promise<void> {
    await owner.choose('New', 'New group')
    await owner.dialog().getByRole('textbox', { name: 'Name of the group' }).fill(name)
    for (const other of others) await owner.dialog().getByRole('checkbox', { name: other }).check()
    await owner.dialog().getByRole('button', { name: 'Make the group' }).click()
    await owner.message(`You made the group ${name}`).waitFor()
    await owner.button('Details').click()
  }

  /** Opens a group and who is in it. */
  async function look(view: ChatView, name: string): Promise<void> {
    await view.row(name).click()
    await view.button('Details').click()
  }

  const action = (view: ChatView, name: string): Locator => view.details().getByRole('button', { name, exact: true })

  const member = (view: ChatView, name: string): Locator =>
    view.details().getByRole('listitem').filter({ hasText: name })

  const actOn = (view: ChatView, name: string, item: string): Promise<void> =>
    view.choose(action(view, `Actions for ${name}`), item)

  async function answer(view: ChatView, label: string, text: string): Promise<void> {
    await view.dialog().getByRole('textbox', { name: label }).fill(text)
    await view.dialog().getByRole('button', { name: 'Save' }).click()
  }

  it('a friend is given another name, which a page loaded again and a new browser show, and is removed', async () => {
    const [ada, bob] = await Promise.all([world.signIn('Ada'), world.signIn('Bob')])
    await ada.choose('New', 'New chat')
    await ada.dialog().getByRole('textbox').fill('Bob')
    await ada.dialog().getByRole('textbox').press('Enter')
    await ada.dialog().getByRole('button', { name: 'Add as a friend' }).click()
    await bob.tab('People').click()
    await bob.row('wants to be your friend').getByRole('button', { name: 'Accept' }).click()
    await bob.row('Ada').getByText('online').waitFor()
    await ada.tab('People').click()
    await ada.choose('Actions for Bob', 'Give another name')
    await answer(ada, 'Name, for you only', 'The neighbour')
    await ada.row('The neighbour').waitFor()
    await ada.page.reload()
    await ada.ready()
    await ada.tab('People').click()
    await ada.row('The neighbour').waitFor()
    const fresh = await world.signIn('Ada')
    await fresh.tab('People').click()
    await fresh.choose('Actions for The neighbour', 'Remove friend')
    await fresh.dialog().getByRole('button', { name: 'Remove' }).click()
    await fresh.row('Nobody yet.').waitFor()
    const again = await world.signIn('Ada')
    await again.tab('People').click()
    await again.row('Nobody yet.').waitFor()
  })

  it('a group is renamed, is told a notice, gets a new member and an administrator, and all of them see it', async () => {
    const [cleo, dan, eve] = await Promise.all(['Cleo', 'Dan', 'Eve'].map((name) => world.signIn(name)))
    for (const name of ['Dan', 'Eve']) {
      await cleo!.find(name)
      await cleo!.write(`Hello ${name}`)
      await cleo!
        .message(`Hello ${name}`)
        .getByTitle(/sent|read/)
        .waitFor()
    }
    await makeGroup(cleo!, 'Rowing', ['Dan'])
    await look(dan!, 'Rowing')
    await action(cleo!, 'Rename').click()
    await answer(cleo!, 'Name', 'Rowing club')
    await dan!.message('Cleo named the group Rowing club').waitFor()
    await dan!.heading().filter({ hasText: 'Rowing club' }).waitFor()
    await action(cleo!, 'Notice').click()
    await answer(cleo!, 'Notice for all members', 'On Sunday at ten')
    await dan!.message('Cleo posted a notice: On Sunday at ten').waitFor()
    await dan!.details().getByText('On Sunday at ten').waitFor()

    await action(cleo!, 'Invite').click()
    await cleo!.dialog().getByRole('checkbox', { name: 'Eve' }).check()
    await cleo!.dialog().getByRole('button', { name: 'Invite' }).click()
    await dan!.message('Cleo invited Eve').waitFor()
    await dan!.details().getByText('Members (3)').waitFor()
    await look(eve!, 'Rowing club')
    await eve!.details().getByText('On Sunday at ten').waitFor()
    await eve!.details().getByText('Members (3)').waitFor()
    await actOn(cleo!, 'Dan', 'Make an administrator')
    await member(eve!, 'Dan').getByText('Administrator').waitFor()
    await action(dan!, 'Rename').waitFor()

    const fresh = await world.signIn('Eve')
    await look(fresh, 'Rowing club')
    await fresh.details().getByText('On Sunday at ten').waitFor()
    await member(fresh, 'Cleo').getByText('Owner').waitFor()
    await member(fresh, 'Dan').getByText('Administrator').waitFor()
    await member(fresh, 'Eve (you)').waitFor()
  })

  it('a member and then all are muted, the group is handed over and dissolved, and all of them see it', async () => {
    const [fay, gil, hal] = await Promise.all(['Fay', 'Gil', 'Hal'].map((name) => world.signIn(name)))
    for (const name of ['Gil', 'Hal']) {
      await fay!.find(name)
      await fay!.write(`Hello ${name}`)
      await fay!
        .message(`Hello ${name}`)
        .getByTitle(/sent|read/)
        .waitFor()
    }
    await makeGroup(fay!, 'Chess', ['Gil', 'Hal'])
    await Promise.all([look(gil!, 'Chess'), look(hal!, 'Chess')])

    await actOn(fay!, 'Hal', 'Mute for 10 minutes')
    await hal!.message('Fay muted You').waitFor()
    await member(gil!, 'Hal').getByText('muted').waitFor()
    await hal!.write('May I say something?')
    await hal!.message('May I say something?').getByText('Not sent.').waitFor()
    await hal!.notice(/The message was not sent: .*hal is muted in group/).waitFor()
    await keepScreenshot(hal!.page, 'muted')
    await actOn(fay!, 'Hal', 'Let speak')
    await hal!.message('Fay let You speak again').waitFor()
    await member(gil!, 'Hal').getByText('muted').waitFor({ state: 'detached' })
    await hal!.message('May I say something?').getByRole('button', { name: 'Try again' }).click()
    await gil!.message('May I say something?').waitFor()

    await action(fay!, 'Mute all').click()
    await hal!.message('Fay muted the group').waitFor()
    await hal!.write('Nor now?')
    await hal!.message('Nor now?').getByText('Not sent.').waitFor()
    await hal!.notice(/is muted: only its owner and admins may write/).waitFor()
    await fay!.write('Listen, all')
    await hal!.message('Listen, all').waitFor()
    await action(fay!, 'Let all speak').click()
    await hal!.message('Fay let the group speak again').waitFor()
    await hal!.message('Nor now?').getByRole('button', { name: 'Try again' }).click()
    await gil!.message('Nor now?').waitFor()

    await actOn(fay!, 'Gil', 'Hand the group over')
    await member(hal!, 'Gil').getByText('Owner').waitFor()
    await hal!.message('Gil owns the group now').waitFor()
    await action(fay!, 'Leave group').waitFor()
    await action(gil!, 'Dissolve group').click()
    await gil!.dialog().getByRole('button', { name: 'Dissolve' }).click()
    for (const view of [fay!, hal!]) {
      await view.message('Gil dissolved the group').waitFor()
      await view.heading().getByText('you are not in this group').waitFor()
      await view.details().getByText('You are not in this group.').waitFor()
    }
    const fresh = await world.signIn('Hal')
    await fresh.tab('Groups').click()
    await fresh.row('You are in no group.').waitFor()
    await fresh.tab('Chats').click()
    await fresh.row('Chess').click()
    await fresh.message('Gil dissolved the group').waitFor()
    await fresh.message('Nor now?').waitFor()
  })
})
