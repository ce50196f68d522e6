import { DeclarationError, defineEntity, entity, field, stream, touch } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'
import { describe, expect, it } from 'vitest'
import { posts } from './board.ts'

enum Colour {
  red,
}

describe('declaring with decorators', () => {
  it('gives the same metadata as declaring without', () => {
    @Entity('shelf')
    class Shelf {
      @Field({ max: 9 }) shelfID!: string
      @Field() size!: number
      @Field() isOpen!: boolean
      @Field() madeAt!: Date
      @Field({ type: 'json', optional: true }) extra?: { a: number }
    }
    const decorated = entity(Shelf, { key: ['shelfID'], views: (v) => ({ bySize: v.rows({ by: 'size' }) }) })
    const defined = defineEntity('shelf', {
      fields: {
        shelfID: field.string({ max: 9 }),
        size: field.number(),
        isOpen: field.boolean(),
        madeAt: field.date(),
        extra: field.json<{ a: number }>({ optional: true }),
      },
      key: ['shelfID'],
      views: (v) => ({ bySize: v.rows({ by: ['size'], order: {} }) }),
    })
    expect({ ...decorated.schema, prototype: undefined }).toEqual({ ...defined.schema, prototype: undefined })
  })

  it('copies inherited fields and leaves the base alone', () => {
    class Base {
      @Field() baseID!: string
    }
    @Entity('derived')
    class Derived extends Base {
      @Field() size!: number
    }
    @Entity('sibling')
    class Sibling extends Base {
      @Field() colour!: string
    }
    expect([...entity(Derived, { key: ['baseID'] }).schema.fields.keys()]).toEqual(['baseID', 'size'])
    expect([...entity(Sibling, { key: ['baseID'] }).schema.fields.keys()]).toEqual(['baseID', 'colour'])
    expect(() => entity(Base, { key: ['baseID'] })).toThrow(
      "class Base has no entity name: decorate it with @Entity('name')",
    )
  })

  it('refuses a class whose name only its base has', () => {
    @Entity('base')
    class Base {
      @Field() baseID!: string
    }
    class Derived extends Base {}
    expect(() => entity(Derived, { key: ['baseID'] })).toThrow(DeclarationError)
  })

  const guesses: [string, () => unknown][] = [
    [
      'a nullable field',
      () => {
        class Thing {
          @Field() value!: string | null
        }
        return Thing
      },
    ],
    [
      'a union',
      () => {
        class Thing {
          @Field() value!: string | number
        }
        return Thing
      },
    ],
    [
      'an object',
      () => {
        class Thing {
          @Field() value!: { a: number }
        }
        return Thing
      },
    ],
    [
      'an array',
      () => {
        class Thing {
          @Field() value!: string[]
        }
        return Thing
      },
    ],
    [
      'an optional field that may be undefined',
      () => {
        class Thing {
          @Field({ optional: true }) value?: string | undefined
        }
        return Thing
      },
    ],
  ]

  it.each(guesses)('refuses to guess the type of %s, naming class, field and cure', (_, declare) => {
    expect(declare).toThrow(DeclarationError)
    expect(declare).toThrow(
      /the type of field value of class Thing cannot be inferred: give it, for example @Field\(\{ type/,
    )
  })

  it('takes a given type over the inferred one', () => {
    @Entity('paint')
    class Paint {
      @Field() paintID!: string
      @Field({ type: 'number' }) colour!: Colour
    }
    expect(entity(Paint, { key: ['paintID'] }).schema.fields.get('colour')!.type).toBe('number')
  })
})

describe('a declaration that cannot work is refused at boot', () => {
  const fields = {
    id: field.string(),
    other: field.string({ optional: true }),
    extra: field.json<unknown>(),
    size: field.number(),
  }
  const declare =
    (declaration: object, name = 'thing') =>
    () =>
      defineEntity(name, { fields, key: ['id'], ...declaration } as never)

  it.each<[string, () => unknown, RegExp]>([
    ['a name that is no word', declare({}, 'Thing'), /'Thing' cannot name an entity/],
    ['no key', declare({ key: [] }), /entity thing has no key/],
    ['an unknown key field', declare({ key: ['nope'] }), /key of entity thing names nope, which is not a field/],
    ['a key field twice', declare({ key: ['id', 'id'] }), /key of entity thing names a field twice/],
    ['an optional key field', declare({ key: ['other'] }), /key of entity thing names other, which is optional/],
    ['a JSON key field', declare({ key: ['extra'] }), /key of entity thing names extra, which is JSON/],
    [
      'a max of a number',
      declare({ fields: { id: field.string(), n: { type: 'number', optional: false, max: 3 } } }),
      /field n of entity thing is a number and has no length/,
    ],
    ['a max of nothing', declare({ fields: { id: field.string({ max: 0 }) } }), /field id of entity thing has max 0/],
    [
      'fields that differ by case',
      declare({ fields: { id: field.string(), ID: field.string() } }),
      /field ID of entity thing differs from id by capital letters only/,
    ],
    [
      'a field name that is no word',
      declare({ fields: { id: field.string(), _revision: field.string() } }),
      /field _revision of entity thing/,
    ],
    [
      'a view called like a method',
      declare({ views: (v: never) => ({ get: (v as Kinds).rows({ by: 'id' }) }) }),
      /view get of entity thing cannot have this name/,
    ],
    [
      'an empty by',
      declare({ views: (v: never) => ({ a: (v as Kinds).rows({ by: [] }) }) }),
      /by of view a of entity thing is empty/,
    ],
    [
      'a key that can be longer than its bound',
      () => defineEntity('thing', { fields: { id: field.string({ max: 897 }) }, key: ['id'] }),
      /key of entity thing can have 897 characters by the max of its fields; it may have 896 bytes: give id a smaller max/,
    ],
    [
      'a by that can be longer than its bound',
      () =>
        defineEntity('thing', {
          fields: { id: field.number(), one: field.string({ max: 500 }), two: field.string({ max: 396 }) },
          key: ['id'],
          views: (v) => ({ a: v.count({ by: ['one', 'two'] }) }),
        }),
      /by of view a of entity thing can have 897 characters/,
    ],
    [
      'a change list whose by can be longer than its bound',
      () =>
        defineEntity('thing', {
          fields: { id: field.string({ max: 401 }) },
          key: ['id'],
          views: (v) => ({ a: v.changes({ by: 'id' }) }),
        }),
      /by of view a of entity thing can have 401 characters by the max of its fields; it may have 400 bytes/,
    ],
    [
      'an unknown by',
      declare({ views: (v: never) => ({ a: (v as Kinds).rows({ by: 'nope' }) }) }),
      /by of view a of entity thing names nope/,
    ],
    [
      'an optional order',
      declare({ views: (v: never) => ({ a: (v as Kinds).rows({ by: 'id', order: { other: 'asc' } }) }) }),
      /order of view a of entity thing names other, which is optional/,
    ],
    [
      'a filter on JSON',
      declare({ views: (v: never) => ({ a: (v as Kinds).rows({ by: 'id', where: { extra: 1 } }) }) }),
      /where of view a of entity thing names extra/,
    ],
    [
      'a touched list outside the key',
      declare({
        views: (v: never) => ({ a: (v as Kinds).changes({ by: 'size', touchedBy: [touch(posts, () => undefined)] }) }),
      }),
      /by of view a of entity thing names size, which is not in the key/,
    ],
    [
      'a stream name that is no word',
      () => stream('Post!', { codec: undefined as never }),
      /'Post!' cannot name a stream/,
    ],
    [
      'entries of a stream that no journal takes',
      () => stream('thing', { codec: undefined as never, maxEntryBytes: 2 ** 20 + 1 }),
      /maxEntryBytes of stream thing is 1048577: give a whole number from 1 to 1048576/,
    ],
    [
      'a stream view called like a method',
      () => stream('thing', { codec: undefined as never, views: (v) => ({ at: v.last({ by: () => 'x' }) }) as never }),
      /view at of stream thing cannot have this name/,
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(DeclarationError)
    expect(act).toThrow(message)
  })
})

interface Kinds {
  rows(declaration: object): unknown
  changes(declaration: object): unknown
}
