import { describe, expect, it } from 'vitest'
import { nodeProblem } from '../scripts/setup.mjs'

describe('starting on a Node that is too old', () => {
  it.each(['12.22.12', '18.20.8', '20.18.3'])('%s is refused in one line with the cure', (version) => {
    expect(nodeProblem(version)).toMatch(
      new RegExp(`^Parlance needs Node 20.19 or newer, this is ${version}: install a newer Node.*$`),
    )
  })

  it.each(['20.19.0', '22.13.1', '24.0.0'])('%s will do', (version) => {
    expect(nodeProblem(version)).toBeUndefined()
  })
})
