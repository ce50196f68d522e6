import type { AnyRow, EntitySchema, FieldSpec } from '@parlance/cached-repository'
import { contentTypes, groupConversationID, handleResults, singleConversationID } from '@parlance/openim-protocol'
import { temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { housekeeping, Leadership } from '../src/domain/leadership.ts'
import { groupAddress, singleAddress } from '../src/domain/messages/address.ts'
import { createImServer, type ImServer } from '../src/index.ts'
import { ApiClient } from './support/api-client.ts'
import { type Initiated, md5 } from './support/object-client.ts'
import { RawClient } from './support/raw-client.ts'
import { signInToDemo } from './support/demo-sign-in.ts'
import { startServer, type TestServer } from './support/test-server.ts'
import {
  type AnyRepository,
  combinations,
  declaredEntities,
  type Derived,
  derivedOf,
  ViewAuditor,
} from './support/view-auditor.ts'

const schemas = declaredEntities()
const derived = derivedOf(schemas)

/** The server's repository of an entity. */
function repositoryOf(server: ImServer, schema: EntitySchema): AnyRepository {
  const repositories = Object.values(server.repositories) as readonly unknown[]
  const found = repositories.find((one) => (one as { readonly entity?: string }).entity === schema.name)
  return found as AnyRepository
}

/**
 * Two values of every kind of field, so that every change of a row can be made. The same in all fields: what a row of one entity
 * says of another one is then said of something that is looked at.
 */
const valuesOf = ({ type }: FieldSpec): readonly unknown[] => {
  if (type === 'string') return ['one', 'two']
  if (type === 'number') return [1, 2]
  if (type === 'boolean') return [false, true]
  if (type === 'date') return [new Date(1_000), new Date(2_000)]
  return [{ of: 1 }, { of: 2 }]
}

interface Mutation {
  readonly name: string
  readonly run: () => Promise<unknown>
}

/** Every way to write, and a change of every field by itself. */
function mutations(schema: EntitySchema, repository: AnyRepository): Mutation[] {
  const keys = combinations(schema.key, valuesOf)
  const [first, second, ...others] = keys
  const fields = [...schema.fields.values()].filter(({ name }) => !schema.key.some((key) => key.name === name))
  const row = (key: AnyRow, which: 0 | 1): AnyRow =>
    Object.fromEntries([...fields.map((field) => [field.name, valuesOf(field)[which]]), ...Object.entries(key)])
  return [
    { name: 'insert', run: () => repository.insert(row(first!, 0)) },
    { name: 'put of a new row', run: () => repository.put(row(second!, 0)) },
    { name: 'insertMany', run: () => repository.insertMany(others.map((key) => row(key, 0))) },
    ...fields.map((field) => ({
      name: `patch of ${field.name}`,
      run: () => repository.patch(first!, { [field.name]: valuesOf(field)[1] }),
    })),
    { name: 'put of a changed row', run: () => repository.put(row(second!, 1)) },
    { name: 'putMany', run: () => repository.putMany(keys.map((key) => row(key, 0))) },
    { name: 'delete', run: () => repository.delete(first!) },
    { name: 'insert of a deleted row', run: () => repository.insert(row(first!, 1)) },
    { name: 'deleteMany', run: () => repository.deleteMany(keys) },
    { name: 'insertMany of deleted rows', run: () => repository.insertMany(keys.map((key) => row(key, 1))) },
  ].map(({ name, run }) => ({ name: `${schema.name}: ${name}`, run }))
}

const cleared = (schema: EntitySchema, server: ImServer): Mutation => ({
  name: `${schema.name}: deleteMany of all`,
  run: () => repositoryOf(server, schema).deleteMany(combinations(schema.key, valuesOf)),
})

/** An entity, and those whose writes touch its change lists. */
const concerning = (entity: string): readonly EntitySchema[] => {
  const own = schemas.find(({ name }) => name === entity)!
  const sources = [...own.views.values()].flatMap((spec) =>
    spec.kind === 'changes' ? spec.touchedBy.map(({ schema }) => schema) : [],
  )
  return schemas.filter((schema) => schema === own || sources.includes(schema))
}

/** Reads the views, writes to the entities in every way, and reads again; returns the first differences between caches and store. */
async function audited(
  isSkipped: (entity: string, view: string) => boolean,
  read: readonly EntitySchema[] = schemas,
  written: readonly EntitySchema[] = schemas,
): Promise<string[]> {
  using folder = temporaryFolder()
  const faults = { repositories: { skipInvalidation: isSkipped } }
  const server = await createImServer({ dataDir: folder.path, logLevel: 'error', faults }, {})
  try {
    const auditors = read.map(
      (schema) => new ViewAuditor(schema, valuesOf, (of) => repositoryOf(server, of), server.repositories.whenSpread),
    )
    const differences = async (after: string): Promise<string[]> =>
      (await Promise.all(auditors.map((auditor) => auditor.differences()))).flat().map((one) => `${after}: ${one}`)
    const found = await differences('at first')
    const all = written.flatMap((schema) => mutations(schema, repositoryOf(server, schema)))
    // Once more, now that there are rows to touch.
    const touching = written.filter(({ touchers }) => touchers.some(({ touch }) => touch.kind === 'many'))
    all.push(
      ...touching.flatMap((schema) => [cleared(schema, server), ...mutations(schema, repositoryOf(server, schema))]),
    )
    for (const { name, run } of all) {
      if (found.length > 0) break
      await run()
      found.push(...(await differences(name)))
    }
    return found
  } finally {
    await server.stop()
  }
}

describe('every derived cached view', () => {
  it('is refreshed by every write: the list of views is complete, and none differs from the store', async () => {
    const asked = new Set<string>()
    const found = await audited((entity, view) => {
      asked.add(`${entity} ${view}`)
      return false
    })
    expect(found).toEqual([])
    expect([...asked].toSorted()).toEqual(derived.map(({ entity, view }) => `${entity} ${view}`).toSorted())
    process.stdout.write(
      `invalidation: ${derived.length} derived views of ${schemas.length} entities agree with the store\n`,
    )
  })

  it.each(derived)('$entity: $view left out shows', async (left: Derived) => {
    const concerned = concerning(left.entity)
    const own = concerned.filter(({ name }) => name === left.entity)
    const found = await audited((entity, view) => entity === left.entity && view === left.view, own, concerned)
    const [name] = left.view.split(/[.<]/)
    // Lists are put together from rows: a stale row may show in one of them first.
    const shows = new RegExp(name === 'row' ? `: ${left.entity} ` : `${left.entity}.* ${name}`)
    expect(found.filter((difference) => shows.test(difference))).not.toEqual([])
  })
})

describe("the server's own operations", () => {
  let server: TestServer

  beforeEach(async () => {
    server = await startServer({ demo: 'on' })
  })

  afterEach(() => server.stop())

  it('leave no view behind', async () => {
    const { admin, im } = server
    const userIDs = ['ada', 'bob', 'cyd', 'dan']
    const groupIDs: string[] = []
    const conversationIDs = [singleConversationID('ada', 'bob'), singleConversationID('bob', 'cyd')]
    const tokenIDs = new Set<string>()
    const uploadIDs: string[] = []
    /** Whatever the operations below can have written. */
    const known = ({ name, type, max }: FieldSpec): readonly unknown[] => {
      if (name === 'groupID') return groupIDs
      if (name === 'conversationID') return [...conversationIDs, ...groupIDs.map(groupConversationID)]
      if (name === 'tokenID') return [...tokenIDs]
      if (name === 'uploadID' || name === 'objectID') return uploadIDs
      if (name === 'hash') return [md5(''), md5(md5('hello'))]
      if (name === 'handleResult') return Object.values(handleResults)
      if (name === 'stream')
        return [singleAddress('ada', 'bob').stream, ...groupIDs.map((id) => groupAddress(id).stream)]
      if (name === 'block') return [0]
      if (name === 'work') return [housekeeping]
      if (name.endsWith('serID')) return userIDs
      if (name === 'handleResult') return [-1, 0, 1]
      if (name === 'groupType') return [2]
      if (name === 'appMangerLevel') return [0, 1, 2, 3, 4]
      throw new Error(`nothing is known about ${name} (${type}, ${max})`)
    }
    const auditors = schemas.map(
      (schema) => new ViewAuditor(schema, known, (of) => repositoryOf(im, of), im.repositories.whenSpread),
    )
    const readCounts = new Map<string, number>()
    const audit = async (): Promise<string[]> => {
      for (const userID of userIDs)
        for (const { tokenID } of await im.repositories.credentials.ofUser({ userID }, { read: 'store' }))
          tokenIDs.add(tokenID)
      for (const [index, auditor] of auditors.entries()) {
        const rows = await repositoryOf(im, schemas[index]!).getMany(auditor.keys, { read: 'store' })
        const count = rows.filter((row) => row !== undefined).length
        readCounts.set(schemas[index]!.name, Math.max(count, readCounts.get(schemas[index]!.name) ?? 0))
      }
      return (await Promise.all(auditors.map((auditor) => auditor.differences()))).flat()
    }
    const repositories = im.repositories
    const leadership = new Leadership({ repositories, work: housekeeping, owner: 'ada', onChange: () => undefined })
    let ada!: RawClient
    let adaApi!: ApiClient
    const file = { name: 'ada/file', contentType: '', cause: '' }
    const begin = async (text: string): Promise<Initiated> => {
      const sizes = { size: text.length, partSize: 5 * 1024 ** 2, maxParts: 0 }
      const body = { ...file, ...sizes, hash: md5(md5(text)) }
      return (await adaApi.must<Initiated>('/object/initiate_multipart_upload', body)).data
    }
    let bobApi!: ApiClient
    const answer = (fromUserID: string, handleResult: number) =>
      admin.must('/group/group_application_response', {
        groupID: groupIDs[2]!,
        fromUserID,
        handledMsg: '',
        handleResult,
      })
    const operations: Readonly<Record<string, () => Promise<unknown>>> = {
      register: () => admin.register('ada', 'bob', 'cyd'),
      'sign in to the demo': () => signInToDemo(server.api, { userID: 'dan' }),
      'issue tokens': async () => {
        const token = await admin.userToken('ada', 5)
        adaApi = new ApiClient(server.api, token)
        ada = await RawClient.connect({ ws: server.ws, userID: 'ada', token })
      },
      'issue another token': () => admin.userToken('bob', 5),
      'kick a token': async () => (bobApi = new ApiClient(server.api, await admin.userToken('bob', 5))),
      'change a profile': () =>
        adaApi.must('/user/update_user_info_ex', { userInfo: { userID: 'ada', nickname: 'A.' } }),
      'create a group': async () => groupIDs.push(await admin.createGroup('ada', ['bob'])),
      'create another group': async () => groupIDs.push(await admin.createGroup('cyd', ['ada', 'bob'])),
      'create a third group': async () => groupIDs.push(await admin.createGroup('cyd', [])),
      'apply for a group': () => adaApi.must('/group/join_group', { groupID: groupIDs[2]!, reqMessage: 'please' }),
      'accept an application': () => answer('ada', 1),
      'change a group': () => admin.must('/group/set_group_info_ex', { groupID: groupIDs[2]!, groupName: 'new' }),
      'mute a member': () =>
        admin.must('/group/mute_group_member', { groupID: groupIDs[2]!, userID: 'ada', mutedSeconds: 9 }),
      'transfer a group': () =>
        admin.must('/group/transfer_group', { groupID: groupIDs[2]!, oldOwnerUserID: 'cyd', newOwnerUserID: 'ada' }),
      'invite a member': () =>
        admin.must('/group/invite_user_to_group', { groupID: groupIDs[2]!, invitedUserIDs: ['bob'] }),
      'kick a member': () => admin.must('/group/kick_group', { groupID: groupIDs[2]!, kickedUserIDs: ['bob'] }),
      'apply for a group again': () => bobApi.must('/group/join_group', { groupID: groupIDs[2]! }),
      'refuse an application': () => answer('bob', -1),
      'quit a group': () => admin.must('/group/quit_group', { groupID: groupIDs[2]!, userID: 'cyd' }),
      'dismiss a group': async () => {
        await admin.must('/group/dismiss_group', { groupID: groupIDs[2]! })
        await until(
          'its members are removed',
          async () => (await im.repositories.groupMembers.countOfGroup({ groupID: groupIDs[2]! })) === 0,
        )
      },
      'send to a user': () => ada.send(ada.text('hello', { recvID: 'bob' })),
      'send to a group': () => ada.send(ada.text('hello', { groupID: groupIDs[0]! })),
      'send for somebody': () =>
        admin.must('/msg/send_msg', {
          sendID: 'cyd',
          recvID: 'bob',
          content: { content: 'hello' },
          contentType: contentTypes.text,
          sessionType: 1,
        }),
      'mark as read': () =>
        adaApi.must('/msg/mark_conversation_as_read', {
          userID: 'ada',
          conversationID: groupConversationID(groupIDs[1]!),
          hasReadSeq: 1,
          seqs: [],
        }),
      'mark as read again': () =>
        adaApi.must('/msg/set_conversation_has_read_seq', {
          userID: 'ada',
          conversationID: groupConversationID(groupIDs[0]!),
          hasReadSeq: 2,
        }),
      'ask to become friends': () =>
        adaApi.must('/friend/add_friend', { fromUserID: 'ada', toUserID: 'bob', reqMsg: '', ex: '' }),
      'accept a friend': () =>
        admin.must('/friend/add_friend_response', { fromUserID: 'ada', toUserID: 'bob', handleResult: 1 }),
      'pin a friend': () =>
        adaApi.must('/friend/update_friends', { ownerUserID: 'ada', friendUserIDs: ['bob'], isPinned: true }),
      'import a friend': () =>
        admin.must('/friend/import_friend', { ownerUserID: 'ada', friendUserIDs: ['bob', 'cyd'] }),
      'delete a friend': () => adaApi.must('/friend/delete_friend', { ownerUserID: 'ada', friendUserID: 'cyd' }),
      'ask a second time': () => adaApi.must('/friend/add_friend', { fromUserID: 'ada', toUserID: 'cyd' }),
      'block somebody': () => adaApi.must('/friend/add_black', { ownerUserID: 'ada', blackUserID: 'cyd' }),
      'unblock somebody': () => adaApi.must('/friend/remove_black', { ownerUserID: 'ada', blackUserID: 'cyd' }),
      'revoke a message': () =>
        adaApi.must('/msg/revoke_msg', { userID: 'ada', conversationID: conversationIDs[0], seq: 1 }),
      'delete a message': () =>
        adaApi.must('/msg/delete_msgs', {
          userID: 'ada',
          conversationID: groupConversationID(groupIDs[0]!),
          seqs: [1],
        }),
      'delete a message for everybody': () =>
        adaApi.must('/msg/delete_msgs', {
          userID: 'ada',
          conversationID: conversationIDs[0],
          seqs: [1],
          deleteSyncOpt: { IsSyncOther: true },
        }),
      'clear a conversation': () =>
        adaApi.must('/msg/clear_conversation_msg', {
          userID: 'ada',
          conversationIDs: [groupConversationID(groupIDs[0]!)],
        }),
      'begin an upload': async () => uploadIDs.push((await begin('hello')).upload!.uploadID),
      'send a part': async () => {
        const { data } = await adaApi.must<{ parts: { url: string }[] }>('/object/auth_sign', {
          uploadID: uploadIDs[0],
          partNumbers: [1],
        })
        return fetch(data.parts[0]!.url, { method: 'PUT', body: 'hello' })
      },
      'complete an upload': () =>
        adaApi.must('/object/complete_multipart_upload', { ...file, uploadID: uploadIDs[0], parts: [md5('hello')] }),
      'upload known content': async () => uploadIDs.push(new URL((await begin('hello')).url).pathname.split('/')[3]!),
      lead: () => leadership.start(),
      'lead no more': () => leadership.stop(),
      'log out by force': () => admin.must('/auth/force_logout', { userID: 'ada', platformID: 5 }),
    }
    expect(await audit()).toEqual([])
    for (const [name, run] of Object.entries(operations)) {
      await run()
      expect(await audit(), name).toEqual([])
    }
    ada.close()
    // Every entity was written.
    expect(Object.fromEntries([...readCounts].filter(([, count]) => count === 0))).toEqual({})
  })
})
