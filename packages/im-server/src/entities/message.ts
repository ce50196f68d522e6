import { stream } from '@parlance/cached-repository'
import { json, topic } from '@parlance/notification-bus'
import { MsgData, type MsgDataBody } from '@parlance/openim-protocol'
