import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HistoryChecker, type SeenEntry } from '@parlance/testing'

const entries = (count: number): SeenEntry[] =>
  Array.from({ length: count }, (_, index) => ({ seq: index + 1, id: `e${index + 1}` }))

/** What is found when one stream of acknowledged entries is read like this, reader by reader. */
function kinds(acknowledged: readonly SeenEntry[], ...readers: readonly (readonly SeenEntry[])[]): string[] {
  const checker = new HistoryChecker()
  for (const { id } of acknowledged) checker.acknowledged('s', id)
  for (const [index, seen] of readers.entries()) checker.saw(`reader ${index + 1}`, 's', ...seen)
  return checker.problems().map(({ kind }) => kind)
}

const all = fc.integer({ min: 2, max: 20 }).map(entries)
const withIndex = all.chain((right) => fc.tuple(fc.constant(right), fc.integer({ min: 0, max: right.length - 1 })))

describe('HistoryChecker', () => {
  it('passes a right history: several streams and readers, entries nobody was told of, voids', () => {
    const checker = new HistoryChecker()
    for (const stream of ['s', 't']) {
      for (const { id } of entries(4)) checker.acknowledged(stream, id)
      for (const reader of ['a', 'b']) checker.saw(reader, stream, ...entries(4), { seq: 6, id: 'not acknowledged' })
      checker.voided(stream, 5)
    }
    checker.saw('a', 'empty')
    expect(checker.problems()).toEqual([])
  })

  it('passes every right history, told in one piece or entry by entry', () => {
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 4 }), (right, readerCount) => {
        const checker = new HistoryChecker()
        for (let reader = 0; reader < readerCount; reader++)
          for (const entry of right) checker.saw(`reader ${reader}`, 's', entry)
        for (const { id } of right) checker.acknowledged('s', id)
        expect(checker.problems()).toEqual([])
      }),
    )
  })

  it('finds an entry that one reader did not get, at the end too', () => {
    fc.assert(
      fc.property(withIndex, ([right, index]) => {
        const found = kinds(right, right, right.toSpliced(index, 1))
        expect(found).toContain('lost')
        expect(found.includes('gap')).toBe(index < right.length - 1)
      }),
    )
    expect(kinds(entries(2), [])).toEqual(['lost', 'lost'])
    expect(kinds(entries(1))).toEqual(['lost'])
  })

  it('finds a lost entry behind numbers without a gap', () => {
    const shifted = [
      { seq: 1, id: 'e1' },
      { seq: 2, id: 'e3' },
    ]
    expect(kinds(entries(3), shifted)).toEqual(['lost'])
  })

  it('finds an entry delivered twice, under its number or another', () => {
    fc.assert(
      fc.property(withIndex, fc.boolean(), ([right, index], isRenumbered) => {
        const twin = right[index] as SeenEntry
        const again = isRenumbered ? { ...twin, seq: right.length + 1 } : twin
        const found = kinds(right, right, [...right, again])
        expect(found.filter((kind) => kind === 'duplicated')).toHaveLength(1)
        expect(found).not.toContain('lost')
      }),
    )
  })

  it('finds an entry that has one number here and another there', () => {
    const [first, second] = entries(2) as [SeenEntry, SeenEntry]
    expect(kinds([], [first, second], [second, { ...first, seq: 3 }])).toContain('duplicated')
  })

  it('finds entries in another order, though their numbers are right', () => {
    fc.assert(
      fc.property(withIndex, ([right, index]) => {
        const at = Math.min(index, right.length - 2)
        const swapped = right.with(at, right[at + 1] as SeenEntry).with(at + 1, right[at] as SeenEntry)
        expect(kinds(right, right, swapped)).toEqual(['reordered'])
      }),
    )
  })

  it('finds readers who disagree on what a number is', () => {
    fc.assert(
      fc.property(withIndex, ([right, index]) => {
        const other = right.with(index, { seq: index + 1, id: 'another' })
        const found = kinds([], right, other)
        expect(found).toEqual(['reordered'])
      }),
    )
  })

  it('finds gaps, each once, and names their numbers', () => {
    const checker = new HistoryChecker()
    checker.saw('a', 's', { seq: 3, id: 'x' }, { seq: 5, id: 'y' })
    expect(checker.problems()).toEqual([
      { kind: 'gap', stream: 's', reader: 'a', message: 'a, s: 1 to 2 are missing' },
      { kind: 'gap', stream: 's', reader: 'a', message: 'a, s: 4 is missing' },
    ])
  })

  it('counts from the number it is told', () => {
    const checker = new HistoryChecker({ firstSeq: 0 })
    checker.saw('a', 's', { seq: 1, id: 'x' })
    expect(checker.problems().map(({ message }) => message)).toEqual(['a, s: 0 is missing'])
  })

  it('finds what a session was pushed twice, out of order, or under another number than it was read', () => {
    const heard = (...pushed: readonly SeenEntry[]): string[] => {
      const checker = new HistoryChecker()
      checker.saw('reader', 's', ...entries(4))
      checker.heard('session', 's', ...pushed)
      return checker.problems().map(({ kind }) => kind)
    }
    const [e1, e2, e3] = entries(4) as [SeenEntry, SeenEntry, SeenEntry, SeenEntry]
    expect(heard(e1, e3)).toEqual([])
    expect(heard(e1, e2, e1)).toEqual(['duplicated'])
    expect(heard(e2, e1)).toEqual(['reordered'])
    expect(heard({ seq: 1, id: 'e2' })).toEqual(['duplicated', 'reordered'])
  })

  it('finds an end that goes back, for one reader of one stream', () => {
    const checker = new HistoryChecker()
    for (const [reader, head] of [
      ['a', 3],
      ['b', 2],
      ['a', 3],
      ['a', 4],
    ] as const)
      checker.told(reader, 's', head)
    expect(checker.problems()).toEqual([])
    checker.told('a', 't', 1)
    checker.told('a', 's', 2)
    expect(checker.problems()).toMatchObject([
      { kind: 'regressed', stream: 's', reader: 'a', message: 'a, s: was told 2 after 4' },
    ])
  })
})
