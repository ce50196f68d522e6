import { afterAll, beforeAll, expect } from 'vitest'
import { populate } from './api-samples.ts'
import { type ImWorld, imWorld } from './im-world.ts'

/** The world of the samples, for the file that imports this. */
export let world: ImWorld
beforeAll(async () => {
  world = await imWorld()
  await populate(world)
})
afterAll(() => world.close())

/** What an answer holds. */
export type Fields = Readonly<Record<string, unknown>>

/** Asks as a user, and gives the data of the answer, which must be no refusal. */
export async function ask(path: string, body: object, userID = 'alice', operationID = 'op'): Promise<Fields> {
  const { json, text } = await world.api.call(path, { headers: { operationID, token: await tokenOf(userID) }, body })
  expect(json.errCode, text).toBe(0)
  return json.data as Fields
}

/** Tokens that were asked for so far. */
export const tokens = new Map<string, string>()
export async function tokenOf(userID: string): Promise<string> {
  const token = tokens.get(userID) ?? (await world.token(userID))
  tokens.set(userID, token)
  return token
}
