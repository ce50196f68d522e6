import { type AnyRow, InvalidRowError, RowConflictError, RowNotFoundError } from '@parlance/cached-repository'
import { InvalidArgumentError } from '@parlance/core'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KeyCodec } from '../src/entity/key-codec.ts'
import { Post, post, posts, profiles } from './board.ts'
import { type House, openHouse } from './open-house.ts'

let house: House
beforeEach(() => {
  house = openHouse()
})
afterEach(async () => {
  await house.close()
  house.folder.remove()
})

const repository = () => house.repositories.of(posts)
const key = { spaceID: 's1', postID: 1 }

describe('what is stored is checked first', () => {
  const refusals: [string, AnyRow, RegExp][] = [
    ['a missing field', { ...post(), title: undefined }, /field title of post must be a string; it is missing/],
    [
      'null',
      { ...post(), label: null },
      /field label of post must be a string; it is null; an optional field that has no value is left out/,
    ],
    ['another type', { ...post(), isPinned: 1 }, /field isPinned of post must be a boolean; it is a number/],
    [
      'a number that is none',
      { ...post(), postID: Number.NaN },
      /field postID of post must be a finite number; it is NaN/,
    ],
    ['an invalid date', { ...post(), postedAt: new Date('x') }, /field postedAt of post must be a valid date/],
    [
      'a string that is too long',
      { ...post(), state: 'x'.repeat(17) },
      /field state of post has 17 characters; its max is 16/,
    ],
    [
      'a long string without a max',
      { ...post(), label: 'é'.repeat(40_000) },
      /field label of post has 80000 bytes; without a max it may have 65536/,
    ],
    ['JSON that is too large', { ...post(), tags: ['x'.repeat(70_000)] }, /field tags of post has 70004 bytes of JSON/],
    ['what JSON cannot hold', { ...post(), tags: () => 1 }, /field tags of post must be something JSON can hold/],
    ['half a surrogate pair', { ...post(), title: '\uD800' }, /field title of post holds half of a surrogate pair/],
    ['NUL', { ...post(), title: 'a\0b' }, /field title of post holds a NUL character/],
    ['an unknown field', { ...post(), colour: 'red' }, /a row of post has colour, which is not a declared field/],
    ['no object', 'x' as never, /a row of post must be an object/],
  ]
  it.each(refusals)('%s', async (_, row, message) => {
    repository()
    const write = repository().putMany([post({ postID: 9 }), row as never])
    await expect(write).rejects.toBeInstanceOf(InvalidRowError)
    await expect(write).rejects.toThrow(message)
    expect(await house.parts.store.countOf(posts.schema, 'ofSpace', { spaceID: 's1' })).toBe(0)
  })

  it('a key that is too long, wherever it is given', async () => {
    const long = { spaceID: 'é'.repeat(500), authorID: 'x' }
    await expect(house.repositories.of(profiles).put({ ...long, bio: '' })).rejects.toThrow(
      /field spaceID of profile has 500 characters/,
    )
    await expect(house.repositories.of(profiles).get(long)).rejects.toThrow(
      /the key of profile is longer than 896 bytes/,
    )
  })

  it('a key field of another type in a read', async () => {
    await expect(repository().get({ spaceID: 's1', postID: '1' as never })).rejects.toThrow(
      /postID of the key of post must be a number; it is a string/,
    )
    await expect(repository().ofSpace({} as never)).rejects.toThrow(
      /spaceID of by of post.ofSpace must be a string; it is missing/,
    )
  })

  it('a key field in a patch, whatever the types say', async () => {
    await repository().put(post())
    await expect(repository().patch(key, { postID: 2 } as never)).rejects.toThrow(
      /field postID of post is part of the key, which never changes/,
    )
    await expect(repository().patch(key, { title: undefined } as never)).rejects.toThrow(
      /field title of post must be a string/,
    )
  })

  it('calls that name too many rows', async () => {
    const many = Array.from({ length: 10_001 }, (_, postID) => post({ postID }))
    await expect(repository().putMany(many)).rejects.toBeInstanceOf(InvalidArgumentError)
  })
})

describe('rows handed out', () => {
  it('are immutable through and through', async () => {
    await repository().put(post())
    for (const read of ['local', 'shared', 'store'] as const) {
      const row = (await repository().get(key, { read }))! as { -readonly [N in keyof Post]: Post[N] }
      expect(() => (row.title = 'x')).toThrow(TypeError)
      expect(() => (row.tags as string[]).push('x')).toThrow(TypeError)
      expect(() => row.postedAt.setTime(5)).toThrow(InvalidArgumentError)
      expect(row.postedAt.getTime()).toBe(0)
    }
    const list = await repository().ofSpace({ spaceID: 's1' })
    expect(() => (list as unknown[]).pop()).toThrow(TypeError)
  })

  it('do not follow what the caller does with what it handed in', async () => {
    const tags = ['x']
    const postedAt = new Date(5)
    await repository().put(post({ tags, postedAt }))
    tags.push('y')
    postedAt.setTime(9)
    expect(await repository().require(key)).toMatchObject({ tags: ['x'], postedAt: new Date(5) })
  })

  it('are of the declaring class, and can be put again as they are', async () => {
    const stored = await repository().put(post())
    expect(stored).toBeInstanceOf(Post)
    await repository().put({ ...stored, title: 'again' })
    await repository().put(stored)
    expect(await repository().getWithRevision(key)).toEqual({ row: stored, revision: 3 })
  })
})

describe('reads and writes by key', () => {
  it('require names what is missing', async () => {
    await expect(repository().require({ spaceID: 's:2', postID: 7 })).rejects.toBeInstanceOf(RowNotFoundError)
    await expect(repository().require({ spaceID: 's:2', postID: 7 })).rejects.toThrow('there is no post:s%3A2:7')
  })

  it('a patch of a revision that has passed is refused; the row is unchanged', async () => {
    await repository().insert(post())
    const { revision } = (await repository().getWithRevision(key))!
    await repository().patch(key, { title: 'first' }, { ifRevision: revision })
    await expect(repository().patch(key, { title: 'second' }, { ifRevision: revision })).rejects.toBeInstanceOf(
      RowConflictError,
    )
    expect((await repository().require(key)).title).toBe('first')
    await expect(repository().insert(post())).rejects.toBeInstanceOf(RowConflictError)
    await expect(repository().patch({ ...key, postID: 8 }, { title: 'x' })).rejects.toBeInstanceOf(RowNotFoundError)
  })

  it('delete says what there was', async () => {
    await repository().putMany([post(), post({ postID: 2.5 })])
    expect(await repository().delete(key)).toBe(true)
    expect(await repository().delete(key)).toBe(false)
    expect(await repository().deleteMany([key, { ...key, postID: 2.5 }, { ...key, postID: 2.5 }])).toBe(1)
  })

  it('calls with nothing do nothing', async () => {
    expect(await repository().getMany([])).toEqual([])
    expect(await repository().putMany([])).toEqual([])
    expect(await repository().deleteMany([])).toBe(0)
  })
})

describe('names of keys', () => {
  const codec = new KeyCodec(
    [
      { name: 'a', type: 'string', optional: false, max: undefined },
      { name: 'b', type: 'string', optional: false, max: undefined },
      { name: 'n', type: 'number', optional: false, max: undefined },
      { name: 'd', type: 'date', optional: false, max: undefined },
      { name: 'o', type: 'boolean', optional: false, max: undefined },
    ],
    'the key of thing',
  )
  const part = fc.oneof(fc.constantFrom('', '%', ':', '%25', '%3A', 'a:b', '%:'), fc.string({ maxLength: 20 }))
  const values = fc.record({
    a: part,
    b: part,
    n: fc.double({ noNaN: true, noDefaultInfinity: true }),
    d: fc.date({ noInvalidDate: true }),
    o: fc.boolean(),
  })

  it('give the values back', () => {
    fc.assert(
      fc.property(values, (one) => {
        expect(codec.decode(codec.encode(one))).toEqual({ ...one, n: one.n === 0 ? 0 : one.n })
      }),
    )
  })

  it('differ when the values do', () => {
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        const rest = { n: 1, d: new Date(0), o: true }
        const same = codec.encode({ a, b, ...rest }) === codec.encode({ a: c, b: d, ...rest })
        expect(same).toBe(a === c && b === d)
      }),
    )
  })
})
