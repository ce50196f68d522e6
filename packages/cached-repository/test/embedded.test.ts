import { entityStoreContract, spreadContract, streamStoreContract } from '@parlance/cached-repository/contract'
import { type House, openHouse } from './open-house.ts'

const houses = new WeakMap<object, House>()

function open() {
  const house = openHouse()
  const parts = {
    store: house.parts.store,
    lists: house.parts.lists,
    streams: house.parts.streams,
    log: house.log,
    topic: 'contract.appended',
  }
  houses.set(parts, house)
  return parts
}

async function close(parts: object): Promise<void> {
  const house = houses.get(parts)!
  await house.log.close()
  await house.close()
  house.folder.remove()
}

entityStoreContract('embedded', { open, close })
spreadContract('embedded', { open, close })
streamStoreContract('embedded', { open, close })
