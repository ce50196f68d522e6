import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  accountConversationID,
  contentTypes,
  deviceClass,
  errorCodes,
  errorName,
  groupConversationID,
  groupNotificationConversationID,
  isNotificationConversationID,
  isNotificationType,
  isOptionOn,
  isPlatformID,
  notificationContent,
  notificationTips,
  notificationTypes,
  optionKeys,
  platformIDs,
  platformName,
  ProtocolError,
  serverMsgID,
  singleConversationID,
  singleNotificationConversationID,
  wireError,
} from '../src/index.ts'

describe('conversation ids', () => {
  it('are the same whoever comes first', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        for (const id of [singleConversationID, accountConversationID, singleNotificationConversationID])
          expect(id(a, b)).toBe(id(b, a))
      }),
    )
  })

  it('look as clients compute them', () => {
    expect(singleConversationID('bob', 'alice')).toBe('si_alice_bob')
    expect(singleConversationID('10', '9')).toBe('si_10_9')
    expect(groupConversationID('g1')).toBe('sg_g1')
    expect(accountConversationID('u', 'news')).toBe('sn_news_u')
    expect(singleNotificationConversationID('bob', 'alice')).toBe('n_alice_bob')
    expect(singleNotificationConversationID('alice', 'alice')).toBe('n_alice_alice')
    expect(groupNotificationConversationID('g1')).toBe('n_g1')
  })

  it('are in the order of their UTF-8 bytes, as in Go', () => {
    expect(singleConversationID('\u{1F388}', '\uFF21')).toBe('si_\uFF21_\u{1F388}')
  })

  it('tell notifications from messages', () => {
    expect(
      [singleNotificationConversationID('a', 'b'), groupNotificationConversationID('g')].every(
        isNotificationConversationID,
      ),
    ).toBe(true)
    expect(
      [singleConversationID('a', 'b'), groupConversationID('n_'), accountConversationID('a', 'b')].some(
        isNotificationConversationID,
      ),
    ).toBe(false)
  })
})

describe('server message ids', () => {
  it('are 32 hexadecimal digits that follow from sender and client id, and differ when either does', () => {
    expect(serverMsgID('alice', 'c1')).toMatch(/^[0-9a-f]{32}$/)
    expect(serverMsgID('alice', 'c1')).toBe(serverMsgID('alice', 'c1'))
    const ids = [
      serverMsgID('alice', 'c1'),
      serverMsgID('alice', 'c2'),
      serverMsgID('alicec', '1'),
      serverMsgID('alic', 'ec1'),
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('names and numbers', () => {
  it.each([
    ['errorCodes', errorCodes],
    ['contentTypes', contentTypes],
    ['platformIDs', platformIDs],
  ])('are unique in %s', (_name, table) => {
    expect(new Set(Object.values(table)).size).toBe(Object.keys(table).length)
  })

  it('make errors that name themselves', () => {
    expect(wireError(errorCodes.NoPermissionError, 'only the owner may')).toEqual({
      errCode: 1002,
      errMsg: 'NoPermissionError',
      errDlt: 'only the owner may',
    })
    expect(wireError(0)).toEqual({ errCode: 0, errMsg: '', errDlt: '' })
    expect(errorName(4242)).toBe('UnknownError')
    expect(errorName(errorCodes.TooManyError)).toBe('TooManyError')
  })

  it('put every notification, and no message, into the range of notifications', () => {
    const isNotification = new Set<number>(Object.values(notificationTypes))
    for (const type of Object.values(contentTypes))
      expect(isNotificationType(type), String(type)).toBe(isNotification.has(type))
  })

  it('put devices into the classes that exclude each other', () => {
    expect([platformIDs.windows, platformIDs.macOS, platformIDs.linux].map(deviceClass)).toEqual(['PC', 'PC', 'PC'])
    expect([platformIDs.iOS, platformIDs.android].map(deviceClass)).toEqual(['Mobile', 'Mobile'])
    expect([platformIDs.androidPad, platformIDs.iPad].map(deviceClass)).toEqual(['Pad', 'Pad'])
    const alone = [platformIDs.web, platformIDs.miniWeb, platformIDs.admin, platformIDs.harmonyOS]
    expect(new Set(alone.map(deviceClass)).size).toBe(alone.length)
    expect(platformName(platformIDs.macOS)).toBe('OSX')
    expect([0, 12, -1, 1.5, Number.NaN].some(isPlatformID)).toBe(false)
    expect(Object.values(platformIDs).every(isPlatformID)).toBe(true)
  })

  it('take a missing option for on', () => {
    expect(isOptionOn({}, optionKeys.history)).toBe(true)
    expect(isOptionOn({ history: false }, 'history')).toBe(false)
    expect(isOptionOn({ history: true }, 'history')).toBe(true)
  })
})

describe('notification content', () => {
  it('is JSON within JSON', () => {
    const content = notificationContent({ groupID: 'g', seqs: [1, 2], at: 1_764_000_000_000 })
    expect(content.toString()).toBe('{"detail":"{\\"groupID\\":\\"g\\",\\"seqs\\":[1,2],\\"at\\":1764000000000}"}')
    expect(notificationTips(content)).toEqual({ groupID: 'g', seqs: [1, 2], at: 1_764_000_000_000 })
  })

  it.each(['', '{', '{}', 'null', '[]', '{"detail":5}', '{"detail":"{"}', '{"detail":"[]"}', '{"detail":"null"}'])(
    'is refused when it is %s',
    (text) => {
      expect(() => notificationTips(Buffer.from(text))).toThrow(ProtocolError)
    },
  )
})
