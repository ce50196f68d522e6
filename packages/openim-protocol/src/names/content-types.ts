/** Notifications, by what happened. Their content is made with {@link notificationContent}. */
export const notificationTypes = {
  friendApplicationApproved: 1201,
  friendApplicationRejected: 1202,
  friendApplication: 1203,
  friendAdded: 1204,
  friendDeleted: 1205,
  friendRemarkSet: 1206,
  blackAdded: 1207,
  blackDeleted: 1208,
  friendInfoUpdated: 1209,
  friendsInfoUpdate: 1210,
  conversationChange: 1300,
  userInfoUpdated: 1303,
  userStatusChange: 1304,
  userCommandAdd: 1305,
  userCommandDelete: 1306,
  userCommandUpdate: 1307,
  oaNotification: 1400,
  groupCreated: 1501,
  groupInfoSet: 1502,
  joinGroupApplication: 1503,
  memberQuit: 1504,
  groupApplicationAccepted: 1505,
  groupApplicationRejected: 1506,
  groupOwnerTransferred: 1507,
  memberKicked: 1508,
  memberInvited: 1509,
  memberEnter: 1510,
  groupDismissed: 1511,
  groupMemberMuted: 1512,
  groupMemberCancelMuted: 1513,
  groupMuted: 1514,
  groupCancelMuted: 1515,
  groupMemberInfoSet: 1516,
  groupMemberSetToAdmin: 1517,
  groupMemberSetToOrdinary: 1518,
  groupInfoSetAnnouncement: 1519,
  groupInfoSetName: 1520,
  conversationPrivateChat: 1701,
  conversationUnread: 1702,
  clearConversation: 1703,
  conversationDelete: 1704,
  business: 2001,
  msgRevoke: 2101,
  deleteMsgs: 2102,
  hasReadReceipt: 2200,
} as const

/** One of {@link notificationTypes}. */
export type NotificationType = (typeof notificationTypes)[keyof typeof notificationTypes]

/** Every `contentType`: what users send, then the notifications. */
export const contentTypes = {
  text: 101,
  picture: 102,
  voice: 103,
  video: 104,
  file: 105,
  atText: 106,
  merger: 107,
  card: 108,
  location: 109,
  custom: 110,
  revoke: 111,
  typing: 113,
  quote: 114,
  face: 115,
  advancedText: 117,
  markdownText: 118,
  customNotTriggerConversation: 119,
  customOnlineOnly: 120,
  ...notificationTypes,
} as const

/** One of {@link contentTypes}. */
export type ContentType = (typeof contentTypes)[keyof typeof contentTypes]

const firstNotification = 1000
const lastNotification = 5000

/** Tells whether a content type lies in the range that OpenIM keeps for notifications, both ends included. */
export const isNotificationType = (contentType: number): boolean =>
  contentType >= firstNotification && contentType <= lastNotification
