import type { GroupMember } from '../entities/group-member.ts'

/** What one new member has that another has not; the rest is nothing yet. */
export type MemberSubject = Pick<GroupMember, 'groupID' | 'userID' | 'roleLevel' | 'joinTime'> &
  Partial<Pick<GroupMember, 'joinSource' | 'inviterUserID' | 'operatorUserID'>>

/** A member as a membership begins: not muted, with nothing of its own set. */
export const newMember = (subject: MemberSubject): GroupMember => ({
  nickname: '',
  faceURL: '',
  joinSource: 0,
  inviterUserID: '',
  operatorUserID: '',
  muteEndTime: new Date(0),
  ex: '',
  ...subject,
})
