import { afterEach, beforeEach, describe, it } from 'vitest'

/** How one driver takes part in a contract suite. */
export interface ContractDriver<Port, Case extends string> {
  /** Opens a fresh, empty instance for one case. */
  open(): Promise<Port> | Port
  close?(port: Port): Promise<void> | void
  /** Cases in which this driver differs, with the reason. Such a case must fail: once the driver conforms, the excuse has to go. */
  readonly deviations?: Partial<Readonly<Record<Case, string>>>
}

/** Runs a contract suite for one driver; call it at the top of a test file. */
export type Contract<Port, Case extends string> = (driverName: string, driver: ContractDriver<Port, Case>) => void

/**
 * Declares what every driver of a port must do, once, as named cases.
 *
 * @example
 * export const journalContract = defineContract<Journal>()('Journal', {
 *   'numbers start at 1': async (journal) => { … },
 * })
 * journalContract('embedded', { open: openJournal })
 */
export function defineContract<Port>() {
  return <Case extends string>(
    portName: string,
    cases: Readonly<Record<Case, (port: Port) => Promise<void> | void>>,
  ): Contract<Port, Case> =>
    (driverName, driver) => {
      describe(`${portName} contract: ${driverName}`, () => {
        let port: Port
        beforeEach(async () => {
          port = await driver.open()
        })
        afterEach(async () => {
          await driver.close?.(port)
        })
        for (const name of Object.keys(cases) as Case[]) {
          const reason = driver.deviations?.[name]
          if (reason === undefined) it(name, () => cases[name](port))
          else it.fails(`${name} (deviates: ${reason})`, () => cases[name](port))
        }
      })
    }
}
