import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ChatView } from './support/chat-view.ts'
import { isLeftOut, keepScreenshot, World } from './support/world.ts'

describe.skipIf(isLeftOut)('the web chat: people', () => {
  let world: World

  beforeAll(async () => {
    world = await World.start()
  })
  afterEach(({ task }) => world.endTest(task))
  afterAll(() => world?.stop())

  /** Asks somebody, found by name, to be a friend. */
  async function befriend(view: ChatView, name: string, greeting: string): Promise<void> {
    await view.choose('New', 'New chat')
    await view.dialog().getByRole('textbox').fill(name)
    await view.dialog().getByRole('textbox').press('Enter')
    await view.dialog().getByRole('textbox', { name: 'A word of greeting' }).fill(greeting)
    await view.dialog().getByRole('button', { name: 'Add as a friend' }).click()
  }

  it('a friend request is accepted, and both are in the other’s list; a new browser of either shows the same', async () => {
    const [ada, bob] = await Promise.all([world.signIn('Ada'), world.signIn('Bob')])
    await befriend(ada, 'Bob', 'It is Ada, from school')
    await bob.tab('People').getByText('1 new').waitFor()
    await bob.tab('People').click()
    await bob.row('It is Ada, from school').waitFor()
    await bob.row('It is Ada, from school').getByRole('button', { name: 'Accept' }).click()
    await bob.row('Ada').getByText('online').waitFor()
    await ada.tab('People').click()
    await ada.row('Bob').getByText('online').waitFor()
    await keepScreenshot(bob.page, 'friends')
    for (const [name, friend] of [
      ['Ada', 'Bob'],
      ['Bob', 'Ada'],
    ] as const) {
      const fresh = await world.signIn(name)
      await fresh.tab('People').click()
      await fresh.row(friend).waitFor()
    }
  })

  it('a friend request is refused, and its sender sees it', async () => {
    const [cleo, dan] = await Promise.all([world.signIn('Cleo'), world.signIn('Dan')])
    await befriend(cleo, 'Dan', '')
    await dan.tab('People').click()
    await dan.row('wants to be your friend').getByRole('button', { name: 'Refuse' }).click()
    await dan.row('wants to be your friend').waitFor({ state: 'detached' })
    await cleo.tab('People').click()
    await cleo.row('Dan').getByText('Refused').waitFor()
    expect(await dan.row('Nobody yet.').count()).toBe(1)
  })

  it('who is blocked cannot write; the message says so, and is sent again once one may', async () => {
    const [eve, fay] = await Promise.all([world.signIn('Eve'), world.signIn('Fay')])
    await eve.find('Fay')
    await eve.write('Hello')
    await fay.row('Hello').click()
    await fay.choose('Chat actions', 'Block')
    await fay.tab('People').click()
    await fay.row('Unblock').waitFor()
    await eve.write('Are you there?')
    await eve.message('Are you there?').getByText('Not sent.').waitFor()
    await keepScreenshot(eve.page, 'not-sent')
    await fay.row('Unblock').getByRole('button', { name: 'Unblock' }).click()
    await fay.row('Unblock').waitFor({ state: 'detached' })
    await eve.message('Are you there?').getByRole('button', { name: 'Try again' }).click()
    await fay.message('Are you there?').waitFor()
    await eve
      .message('Are you there?')
      .getByTitle(/sent|read/)
      .waitFor()
  })

  it('a message is taken back for everybody, and another deleted for one', async () => {
    const [gil, hal] = await Promise.all([world.signIn('Gil'), world.signIn('Hal')])
    await gil.find('Hal')
    await gil.write('a slip of the tongue')
    await gil.write('what stays')
    await hal.row('what stays').click()
    await hal.message('a slip of the tongue').waitFor()
    await gil.act('a slip of the tongue', 'Take back for everybody')
    await hal.message('Gil took a message back').waitFor()
    await gil.message('You took a message back').waitFor()
    await hal.act('what stays', 'Delete for me')
    await hal.message('what stays').waitFor({ state: 'detached' })
    const again = await world.signIn('Hal')
    await again.row('Gil').click()
    await again.message('Gil took a message back').waitFor()
    expect(await again.message('what stays').count()).toBe(0)
    expect(await again.message('a slip of the tongue').count()).toBe(0)
    expect(await gil.message('what stays').count()).toBe(1)
  })

  it('a group is made, and its members write to each other', async () => {
    const [ida, jan] = await Promise.all([world.signIn('Ida'), world.signIn('Jan')])
    await ida.find('Jan')
    await ida.write('Let us make a group')
    await jan.row('Let us make a group').waitFor()
    await ida.choose('New', 'New group')
    await ida.dialog().getByRole('textbox', { name: 'Name of the group' }).fill('Reading circle')
    await ida.dialog().getByRole('checkbox').check()
    await ida.dialog().getByRole('button', { name: 'Make the group' }).click()
    await ida.message('You made the group Reading circle').waitFor()
    await ida.write('Which book is next?')
    await jan.row('Reading circle').click()
    await jan.message('Ida made the group Reading circle').waitFor()
    await jan.message('Which book is next?').waitFor()
    await jan.write('The thick one')
    await ida.message('The thick one').waitFor()
    await ida.heading().getByText('2 members').waitFor()
    await ida.button('Details').click()
    await ida.details().getByRole('listitem').filter({ hasText: 'Jan' }).waitFor()
    await ida.details().getByText('Owner').waitFor()
    await keepScreenshot(ida.page, 'group')
    await jan.tab('Groups').click()
    await jan.row('Reading circle').waitFor()
    const fresh = await world.signIn('Jan')
    await fresh.row('Reading circle').click()
    await fresh.message('Which book is next?').waitFor()
    await fresh.message('The thick one').waitFor()
  })

  it('people ask to join a group, are let in, are removed, and leave', async () => {
    const [kim, lea, max] = await Promise.all([world.signIn('Kim'), world.signIn('Lea'), world.signIn('Max')])
    await kim.find('Lea')
    await kim.write('Shall we?')
    await lea.row('Shall we?').waitFor()
    await kim.choose('New', 'New group')
    await kim.dialog().getByRole('textbox', { name: 'Name of the group' }).fill('Choir')
    await kim.dialog().getByRole('checkbox').check()
    await kim.dialog().getByRole('button', { name: 'Make the group' }).click()
    await kim.message('You made the group Choir').waitFor()
    await kim.button('Details').click()
    const number = await kim.details().locator('code').textContent()

    await max.choose('New', 'New chat')
    await max
      .dialog()
      .getByRole('textbox')
      .fill(number ?? '')
    await max.dialog().getByRole('textbox').press('Enter')
    await max.dialog().getByRole('button', { name: 'Join' }).click()
    await kim.tab('Groups').getByText('1 new').waitFor()
    await kim.tab('Groups').click()
    await kim.row('wants to join').getByRole('button', { name: 'Let in' }).click()
    await max.row('Choir').click()
    await kim.details().getByText('Members (3)').waitFor()
    await max.write('Here I am')
    await kim.message('Here I am').waitFor()

    const member = kim.details().getByRole('listitem').filter({ hasText: 'Max' })
    await kim.choose(member.getByRole('button', { name: 'Actions for Max' }), 'Remove from the group')
    await kim.details().getByText('Members (2)').waitFor()
    await kim.row('Choir').getByText('2 members').waitFor()
    await max.heading().getByText('you are not in this group').waitFor()
    await lea.tab('Groups').click()
    await lea.row('Choir').click()
    await lea.message('Kim removed Max').waitFor()
    await lea.button('Details').click()
    await lea.details().getByRole('button', { name: 'Leave group' }).click()
    await lea.dialog().getByRole('button', { name: 'Leave' }).click()
    await kim.details().getByText('Members (1)').waitFor()
    const fresh = await world.signIn('Kim')
    await fresh.tab('Groups').click()
    await fresh.row('Choir').getByText('1 member').waitFor()
  })
})
