import { embeddedChat } from '../../../packages/im-server/test/support/embedded-chat.ts'
import { start } from '../src/app.ts'

embeddedChat(start)
