import { receiveOptions } from '@parlance/openim-protocol'
import { z } from 'zod'
import type { Presence } from '../../domain/presence.ts'
import type { ProfileChange, Users } from '../../domain/users.ts'
import { adminOnly, anyUser, selfOrAdmin } from '../access.ts'
import { changedText, id, ids, int, maxIDsPerRequest, optionalInt, text } from '../fields.ts'
import { route, type Route } from '../route.ts'

/** The lowest and the highest. */
const receiveOption = [receiveOptions.receive, receiveOptions.doNotNotify] as const
const maxAppLevel = 4

const newUser = z.object(
  {
    userID: id,
    nickname: text(256),
    faceURL: text(1024),
    ex: text(4096),
    appMangerLevel: optionalInt(0, maxAppLevel),
    globalRecvMsgOpt: optionalInt(...receiveOption),
  },
  'must be an object',
)

const changedUser = z.object(
  {
    userID: id,
    nickname: changedText(256),
    faceURL: changedText(1024),
    ex: changedText(4096),
    globalRecvMsgOpt: int(...receiveOption).nullish(),
  },
  'must be an object',
)

type ChangedUser = z.infer<typeof changedUser>

const isGiven = (value: unknown): boolean => value !== undefined && value !== null

const changeOf = (
  { nickname, faceURL, ex, globalRecvMsgOpt }: ChangedUser,
  counts: (value: unknown) => boolean,
): ProfileChange =>
  Object.fromEntries(Object.entries({ nickname, faceURL, ex, globalRecvMsgOpt }).filter(([, value]) => counts(value)))

/** Accounts, profiles and who is online. */
export function userRoutes({
  users,
  presence,
}: {
  readonly users: Users
  readonly presence: Presence
}): readonly Route[] {
  return [
    route(
      '/user/user_register',
      z.object({
        users: z
          .array(newUser, 'must be a list of users')
          .min(1, 'must name at least one')
          .max(maxIDsPerRequest, `must name at most ${maxIDsPerRequest}`),
      }),
      {
        access: adminOnly,
        async handle(_caller, body) {
          await users.register(body.users)
          return undefined
        },
      },
    ),
    route('/user/get_users_info', z.object({ userIDs: ids }), {
      access: anyUser,
      handle: async (_caller, { userIDs }) => ({ usersInfo: await users.infos(userIDs) }),
    }),
    route('/user/update_user_info', z.object({ userInfo: changedUser }), {
      access: selfOrAdmin(({ userInfo }) => userInfo.userID),
      async handle(caller, { userInfo }) {
        // The older form cannot tell empty from absent: only what says something counts.
        await users.change(caller, userInfo.userID, changeOf(userInfo, Boolean))
        return undefined
      },
    }),
    route('/user/update_user_info_ex', z.object({ userInfo: changedUser }), {
      access: selfOrAdmin(({ userInfo }) => userInfo.userID),
      async handle(caller, { userInfo }) {
        await users.change(caller, userInfo.userID, changeOf(userInfo, isGiven))
        return undefined
      },
    }),
    route('/user/set_global_msg_recv_opt', z.object({ userID: id, globalRecvMsgOpt: int(...receiveOption) }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(caller, { userID, globalRecvMsgOpt }) {
        await users.change(caller, userID, { globalRecvMsgOpt })
        return undefined
      },
    }),
    route('/user/account_check', z.object({ checkUserIDs: ids }), {
      access: adminOnly,
      async handle(_caller, { checkUserIDs }) {
        const registered = await users.registered(checkUserIDs)
        return { results: checkUserIDs.map((userID) => ({ userID, accountStatus: registered.has(userID) ? 1 : 0 })) }
      },
    }),
    route('/user/get_users_status', z.object({ userID: id, userIDs: ids }), {
      access: selfOrAdmin(({ userID }) => userID),
      async handle(_caller, { userIDs }) {
        const platforms = await presence.onlinePlatforms(userIDs)
        return {
          statusList: userIDs.map((userID) => {
            const platformIDs = platforms.get(userID) ?? []
            return { userID, status: platformIDs.length > 0 ? 1 : 0, platformIDs }
          }),
        }
      },
    }),
  ]
}
