import { describe, it } from 'vitest'
import { type Initiated, md5 } from './support/object-client.ts'
import { type CrashedRule, type CrashWorld, killDuring, ruleKillRuns } from './support/rule-crash.ts'

const users = ['u0', 'u1', 'u2']
const partSize = 5 * 1024 ** 2

interface Asked {
  readonly userID: string
  readonly text: string
  readonly isLarge: boolean
  uploadID?: string
  url?: string
}

/** Every file that somebody wanted to upload. */
const asked: Asked[] = []

/** One short part, and before it one of full size in large files. */
const partsOf = ({ text, isLarge }: Asked): string[] => (isLarge ? [text.padEnd(partSize, '.'), text] : [text])

const ofFile = { name: '', contentType: '', cause: '' }
const completion = (file: Asked): object => ({
  ...ofFile,
  name: `${file.userID}/file`,
  uploadID: file.uploadID,
  parts: partsOf(file).map(md5),
})

async function put(world: CrashWorld, url: string, body: string): Promise<void> {
  try {
    const response = await fetch(url, { method: 'PUT', body })
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
    world.answered++
  } catch (error) {
    if (!world.isDying) throw error
  }
}

/** Undefined for a URL with the right bytes. */
async function wrongAt(url: string, file: Asked): Promise<string | undefined> {
  const response = await fetch(url)
  const found = await response.text()
  return found === partsOf(file).join('') ? undefined : `${url} answers ${response.status} with ${found.length} bytes`
}

/** A file is there whole under its URL, or can still be completed, or is not there. */
const upload: CrashedRule = {
  name: 'upload-file',
  users,
  async operate(world) {
    const text = `file ${asked.length}`
    const file: Asked = { userID: world.random.pick(users), text, isLarge: world.random.int(20) === 0 }
    asked.push(file)
    const parts = partsOf(file)
    const { data } =
      (await world.call<Initiated>(file.userID, '/object/initiate_multipart_upload', {
        ...ofFile,
        name: `${file.userID}/file`,
        hash: md5(parts.map(md5).join(',')),
        size: parts.join('').length,
        partSize,
        maxParts: -1,
      })) ?? {}
    if (data === undefined) return
    file.uploadID = data.upload!.uploadID
    await Promise.all(data.upload!.sign.parts.map(({ url }, at) => put(world, url, parts[at]!)))
    if (world.isDying) return
    const done = await world.call<{ url: string }>(file.userID, '/object/complete_multipart_upload', completion(file))
    if (done === undefined) return
    if (done.errCode !== 0) throw new Error(`${file.text}: ${JSON.stringify(done)}`)
    file.url = done.data.url
  },
  async audit(world) {
    const wrong: string[] = []
    for (const file of asked) {
      if (file.url === undefined && file.uploadID !== undefined) {
        const path = '/object/complete_multipart_upload'
        const { errCode, data } = await world.client(file.userID).call<{ url: string }>(path, completion(file))
        // What was not confirmed may have come to its end, or lack parts; then it is not completed.
        if (errCode === 0) file.url = data.url
        else if (errCode !== 1001) wrong.push(`${file.text} is answered with ${errCode}`)
      }
      const found = file.url === undefined ? undefined : await wrongAt(file.url, file)
      if (found !== undefined) wrong.push(found)
    }
    return wrong
  },
  async breakByHand(repositories) {
    const { uploadID = '' } = asked.find(({ url }) => url !== undefined)!
    await repositories.storedObjects.patch({ objectID: uploadID }, { contentID: '0'.repeat(64) })
  },
}

describe('kill -9 during an upload', () => {
  it(`every file that was confirmed is whole, and no half one is seen, ${ruleKillRuns} runs`, () => killDuring(upload))
})
