import { expect, it } from 'vitest'
import { servePrices } from '../src/serve-prices.ts'

it('answers requests, and pushes to whoever subscribed', async () => {
  const lines: string[] = []
  await servePrices((line) => lines.push(line))
  const answer = '{"op":"subscribe","id":1,"data":{"subscribed":1}}'
  const push = '{"op":"price","data":{"symbol":"ACME","cents":4200}}'
  expect(lines).toEqual([
    `ada is answered ${answer}`,
    `bob is answered ${answer}`,
    'a price was pushed to 2 sessions',
    `ada is pushed ${push}`,
    `bob is pushed ${push}`,
  ])
})
