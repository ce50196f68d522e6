import { expect, test } from 'vitest'
import { HashWindow } from '../src/embedded/hash-window.ts'

const always = (): boolean => true

test('hashes that are taken out again make room: a window of few has few places, however many came and went', () => {
  const window = new HashWindow(1000)
  for (let hash = 1; hash <= 100_000; hash++) {
    window.add(hash, hash)
    if (hash > 10) window.remove(hash, hash)
  }
  expect(window.isFull).toBe(false)
  expect(window.placeCount).toBe(2048)
  for (let hash = 1; hash <= 10; hash++) expect(window.find(hash, always)).toBe(hash)
  expect(window.find(11, always)).toBe(0)
})

test('turning drops the older half only; places are what the documented memory says', () => {
  const window = new HashWindow(500_000)
  for (let half = 0; half < 3; half++) {
    for (let index = 1; index <= 500_000; index++) window.add(half * 500_000 + index, index)
    expect(window.isFull).toBe(true)
    if (half < 2) window.turn()
  }
  expect(window.find(1, always)).toBe(0)
  expect(window.find(500_001, always)).toBe(1)
  expect(window.find(1_500_000, always)).toBe(500_000)
  expect((window.placeCount * 16) / 500_000).toBeLessThan(68)
})
