import { roles } from '@parlance/im-server/settings'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planProcesses, startCommand } from '../src/roles.ts'

const basis = { apiPort: 10_002, wsPort: 10_001, roles: [...roles] }

describe('which processes are started', () => {
  it('one with every role, when none is named', () => {
    const all = [{ name: 'all', roles: ['all'], environment: { PARLANCE_ROLES: 'all' } }]
    expect(planProcesses([], 1, basis)).toEqual(all)
    expect(planProcesses(['all'], 1, { ...basis, roles: ['api'] })).toEqual(all)
  })

  it('one as its settings say, when they name some roles', () => {
    expect(planProcesses([], 1, { ...basis, roles: ['api', 'gateway'] })).toEqual([
      { name: 'api+gateway', roles: ['api', 'gateway'], environment: { PARLANCE_ROLES: 'api,gateway' } },
    ])
  })

  it('those who do the work first, each on a port of its own', () => {
    const planned = planProcesses(['gateway', 'api', 'transfer'], 2, basis)
    expect(planned.map(({ name }) => name)).toEqual([
      'transfer-1',
      'transfer-2',
      'api-1',
      'api-2',
      'gateway-1',
      'gateway-2',
    ])
    expect(planned.map(({ environment: { PARLANCE_API_PORT: api, PARLANCE_WS_PORT: ws } }) => api ?? ws)).toEqual([
      undefined,
      undefined,
      '10002',
      '10012',
      '10001',
      '10011',
    ])
    for (const { environment } of planned)
      expect(environment).toMatchObject({ PARLANCE_METRICS_PORT: '0', PARLANCE_NODE_PORT: '0' })
  })

  it('no two on one port, whatever the settings: or it is refused', () => {
    const port = fc.integer({ min: 0, max: 65_535 })
    fc.assert(
      fc.property(port, port, fc.integer({ min: 1, max: 20 }), (apiPort, wsPort, count) => {
        let taken: string[]
        try {
          const planned = planProcesses(['api', 'gateway'], count, { ...basis, apiPort, wsPort })
          taken = planned.map(({ environment: own }) => own['PARLANCE_API_PORT'] ?? own['PARLANCE_WS_PORT']!)
        } catch (error) {
          expect((error as Error).message).toMatch(/would (both )?have port/)
          return
        }
        const fixed = taken.filter((one) => one !== '0')
        expect(new Set(fixed).size).toBe(fixed.length)
        expect(fixed.every((one) => Number(one) <= 65_535)).toBe(true)
      }),
    )
  })

  it.each([
    ['all', 'parlance start'],
    ['api+gateway', 'parlance start'],
    ['gateway', 'parlance start gateway'],
    ['gateway-1', 'parlance start gateway'],
    ['gateway-2', 'parlance start gateway --count 2'],
  ])('the command that starts %s is %s', (name, command) => expect(startCommand(name)).toBe(command))

  it.each([
    [['postman'], 1, /there is no role 'postman'/],
    [['all', 'api'], 1, /name it alone/],
    [['all'], 2, /--count is for single roles/],
    [['api'], 0, /whole number/],
    [['api'], Number.NaN, /whole number/],
  ])('%j × %d is refused', (wanted, count, words) => expect(() => planProcesses(wanted, count, basis)).toThrow(words))
})
