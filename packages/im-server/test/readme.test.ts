import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { configSchema, environmentNames } from '../src/config.ts'

const file = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const readme = file('README.md')

/** What the table of limits says, and the line of code that makes it true. */
const limits: readonly (readonly [said: string, path: string, code: string])[] = [
  ['| a frame | 51 200 bytes |', 'src/ws/gateway.ts', 'frameBytes: 51_200,'],
  ['| 2 000 and 8 MiB per second |', 'src/ws/gateway.ts', 'framesPerSecond: 2_000,'],
  ['| 2 000 and 8 MiB per second |', 'src/ws/gateway.ts', 'bytesPerSecond: 8 * 1024 * 1024,'],
  ['| 256 |', 'src/ws/gateway.ts', 'requestsInFlight: 256,'],
  ['| 49 152 bytes |', 'src/domain/messages/sender.ts', 'contentLimitBytes = 49_152'],
  ['| 16 384 characters |', 'src/domain/messages/sender.ts', 'ex: 16_384,'],
  ['| users mentioned in a message | 1 000 |', 'src/domain/messages/sender.ts', 'atUsers: 1000,'],
  ['| conversations in one pull | 3 000 |', 'src/domain/messages/puller.ts', 'conversations: 3000,'],
  [
    '| 1 000, 500 of one conversation; 4 MiB |',
    'src/domain/messages/puller.ts',
    'entries: 1000, bytes: 4 * 1024 * 1024,',
  ],
  ['| 1 000, 500 of one conversation; 4 MiB |', 'src/domain/messages/puller.ts', 'entriesOfOne: 500'],
  ['| one delta | 200 changes |', 'src/domain/version-sync.ts', 'maxDeltaCount: Count = 200'],
  ['| 1 MiB within 30 s; 64 MiB for all at once |', 'src/api/http-api.ts', 'bodyBytes: 1024 * 1024,'],
  ['| 1 MiB within 30 s; 64 MiB for all at once |', 'src/api/http-api.ts', 'allBodiesBytes: 64 * 1024 * 1024,'],
  ['| 2 000; each is answered within 60 s |', 'src/api/http-api.ts', 'requestCount: 2_000,'],
  ['| 1 000; 10 000 |', 'src/api/fields.ts', 'maxIDsPerRequest = 1_000'],
  ['| 1 000; 10 000 |', 'src/api/fields.ts', 'maxPageCount = 10_000'],
  ['| conversations in one pull | 3 000 |', 'src/api/fields.ts', 'maxConversationsPerRequest = 3_000'],
  ['| 64; 256 characters', 'src/domain/ids.ts', 'idLength: Count = 64'],
  ['| 64; 256 characters', 'src/domain/messages/sender.ts', 'operationID: 256,'],
  ['| 64; 256 characters', 'src/api/http-api.ts', 'operationIDLength = 256'],
  ['| 1 000, the newest that were read |', 'src/domain/messages/read-state.ts', 'maxToldSeqs: Count = 1_000'],
  ['| friends of a user; blocked users | 10 000; 10 000 |', 'src/domain/relation-limits.ts', 'friends: 10_000,'],
  ['| friends of a user; blocked users | 10 000; 10 000 |', 'src/domain/relation-limits.ts', 'blacks: 10_000,'],
  [
    '| open friend requests of a user; to a user | 1 000; 1 000 |',
    'src/domain/relation-limits.ts',
    'openRequests: 1_000,',
  ],
  ['| a file that users upload | 1 GiB (`maxFileBytes`); 100 MiB as a form |', 'src/config.ts', 'default(1024 ** 3)'],
  ['100 MiB as a form |', 'src/domain/objects/object-limits.ts', 'formBytes: 100 * 1024 ** 2,'],
  ['| a part of a file | 5 MiB |', 'src/domain/objects/object-limits.ts', 'partBytes: 5 * 1024 ** 2,'],
  ['| 64 of a user, for 24 h', 'src/domain/objects/object-limits.ts', 'uploadsPerUser: 64,'],
  ['| 64 of a user, for 24 h', 'src/domain/objects/object-limits.ts', 'uploadMs: 24 * 3_600_000,'],
  ['(a form: 10 min)', 'src/domain/objects/object-limits.ts', 'formMs: 600_000,'],
  ['10 GiB of all (`maxUploadBytes`)', 'src/config.ts', 'default(10 * 1024 ** 3)'],
  ['| 1 000; each may pause for 60 s |', 'src/api/object-transfer.ts', 'transferCount: 1_000, idleMs: 60_000'],
  ['| a name of a file | 512 characters', 'src/domain/objects/object-limits.ts', 'maxObjectNameLength: Count = 512'],
  [
    '| invitations of one call, where they need approval | 100 |',
    'src/domain/group-membership.ts',
    'maxAskedAtOnce: Count = 100',
  ],
  ['| owner and admins told of an application | 100 |', 'src/domain/group-requests.ts', 'maxToldLeaders: Count = 100'],
  ['| members changed in one call | 50 |', 'src/api/routes/group-changes.ts', 'maxChangedMembers = 50'],
  ['200 at a time', 'src/domain/group-dismissal.ts', 'membersPerStep: Count = 200'],
  ['come 50 at a time', 'src/domain/group-membership.ts', 'maxToldMembers: Count = 50'],
  ['| 10 per address and minute |', 'src/domain/token-issue.ts', 'maxFailures: Count = 10'],
]

/** Defaults that are no value. */
const otherDefaults: Readonly<Record<string, string>> = {
  secret: 'made once',
  tokenKey: 'made once',
  roles: '`all`',
  objectsDir: '`<dataDir>/objects`',
  publicURL: 'as asked',
}

describe('the README', () => {
  it.each(limits)('%s is what %s does: %s', (said, path, code) => {
    expect(readme).toContain(said)
    expect(file(path)).toContain(code)
  })

  it('lists every close code of the server', () => {
    const listed = [...readme.matchAll(/^\| (4\d{3}) \|/gm)].map(([, code]) => code)
    const sources = ['src/ws/handshake.ts', 'src/ws/operations.ts', 'src/ws/gateway.ts'].map(file).join('\n')
    expect(listed).toEqual([...sources.matchAll(/\{ code: (4\d{3}), reason/g)].map(([, code]) => code))
  })

  it('lists every setting with its environment variable and its default', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)` \| `(PARLANCE_\w+)` \| (.+?) \|/gm)]
    const { roles: _, ...others } = configSchema.parse({})
    const defaults: Readonly<Record<string, string | number | boolean | undefined>> = others
    const expected = Object.entries(environmentNames).map(([option, name]) => [
      option,
      name,
      defaults[option] === undefined ? (otherDefaults[option] ?? 'none') : `\`${defaults[option]}\``,
    ])
    expect(rows.map(([, option, name, byDefault]) => [option, name, byDefault])).toEqual(expected)
  })

  it('lists every route of the API', () => {
    const table = [...readme.matchAll(/^\| `(\/[a-z]+)` \| (.+) \|$/gm)]
    const listed = table.flatMap(([, prefix, names]) =>
      [...names!.matchAll(/`([A-Za-z_]+)`/g)].map(([, name]) => `${prefix}/${name}`),
    )
    const served = readdirSync(new URL('../src/api/routes', import.meta.url)).flatMap((name) =>
      [...file(`src/api/routes/${name}`).matchAll(/oute\(\s*'(\/[a-z]+\/[A-Za-z_]+)'/g)].map(([, path]) => path!),
    )
    expect(listed.toSorted()).toEqual(served.toSorted())
    expect(served.length).toBeGreaterThan(40)
  })
})
