import { openMongo } from '@parlance/engines/mongo'
import { openMongoChangeLists } from '@parlance/notification-bus/mongo'

/** Appends named operations without end from a round on; with `lastCommand` it ends as that command is to be sent. */
export async function main([url, database, name, first, lastCommand]: string[]): Promise<void> {
  const mongo = await openMongo({ url: url!, database: database! })
  const lists = await openMongoChangeLists({ mongo, foldEvery: 4, chance: () => (lastCommand ? 0 : Math.random()) })
  let commands = 0
  if (lastCommand !== undefined)
    mongo.onCommand(() => {
      if (++commands === Number(lastCommand)) process.kill(process.pid, 'SIGKILL')
    })
  for (let round = Number(first); ; round++) {
    process.stdout.write(`begun ${round}\n`)
    await lists.append(
      [
        { list: 'own', element: `${name} ${round}`, kind: 'put' },
        { list: 'shared', element: `e${(Number(name) + round) % 7}`, kind: round % 3 === 0 ? 'remove' : 'put' },
      ],
      { operation: `${name} ${round}` },
    )
    process.stdout.write(`durable ${round}\n`)
    await (lastCommand === undefined ? undefined : lists.idle())
  }
}
