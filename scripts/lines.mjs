// Counts what each entity of the reference server takes, beside OpenIM's hand-written data layer, and writes docs/lines.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(fileURLToPath(import.meta.url), '../..')
const source = join(root, 'packages/im-server/src')

/**
 * Which files are an entity's: its declaration, and the rules around it. OpenIM's lines are those of its model, database,
 * cache, key, Redis, controller and RPC cache files for the same entity (v3.8), its rules left out.
 */
const entities = [
  { name: 'user', openIM: 1039, rules: ['users.ts', 'profile-news.ts'] },
  { name: 'friend', openIM: 1130, rules: ['friends.ts', 'friendships.ts', 'new-friend.ts', 'relation-notices.ts'] },
  { name: 'friend-request', openIM: 216, rules: ['friend-requests.ts', 'friend-request-lists.ts'] },
  { name: 'black', openIM: 468, rules: ['blacklist.ts', 'messages/peer-rules.ts'] },
  {
    name: 'group',
    openIM: 1655,
    rules: [
      'group-creation.ts',
      'group-settings.ts',
      'group-dismissal.ts',
      'group-directory.ts',
      'group-permissions.ts',
      'group-state.ts',
      'group-tips.ts',
    ],
  },
  {
    name: 'group-member',
    openIM: 321,
    rules: [
      'groups.ts',
      'group-sync.ts',
      'group-membership.ts',
      'group-roles.ts',
      'membership-writes.ts',
      'new-member.ts',
    ],
  },
  {
    name: 'group-request',
    openIM: 181,
    rules: ['group-requests.ts', 'group-request-lists.ts', 'group-request-info.ts'],
  },
  {
    name: 'conversation',
    openIM: 1470,
    rules: [
      'conversations.ts',
      'conversation-settings.ts',
      'conversation-writes.ts',
      'conversation-overview.ts',
      'new-conversation.ts',
      'messages/conversation-rows.ts',
      'messages/mentions.ts',
    ],
  },
  { name: 'read-mark', rules: ['messages/read-state.ts'] },
  { name: 'message-marks', rules: ['messages/marks.ts', 'messages/removed-message.ts'] },
  { name: 'hidden-messages', rules: ['messages/removals.ts'] },
  { name: 'stored-object', openIM: 622, rules: ['objects/objects.ts'] },
  { name: 'upload', rules: ['objects/uploads.ts', 'objects/upload-sweeper.ts'] },
  { name: 'credential', rules: ['tokens.ts', 'token-issue.ts'] },
  { name: 'demo-user', rules: ['demo-sign-in.ts'] },
]

/** Lines of code: no blank ones, no comments, no imports. */
function linesOf(file) {
  const text = readFileSync(join(source, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^import [\s\S]*? from '.*'$/gm, '')
  return text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length
}

/** The page, as it should be. */
function page() {
  const rows = entities.map(({ name, openIM, rules }) => {
    const declared = linesOf(`entities/${name}.ts`)
    const ruled = rules.reduce((sum, file) => sum + linesOf(`domain/${file}`), 0)
    const files = rules.join(', ')
    return { name, openIM, declared, ruled, files }
  })
  const sum = (of) => rows.reduce((total, row) => total + (of(row) ?? 0), 0)
  const compared = rows.filter(({ openIM }) => openIM !== undefined)
  return `# What an entity takes

Storage, two levels of caches, their invalidation and incremental sync follow from a declaration. OpenIM writes the same by
hand, once per entity: model, database, cache keys, cache, controller. Lines of code; comments, imports and blank lines left out;
\`node scripts/lines.mjs\` counts them anew. Rules (who may do what, which rows change together, whom to tell) are written by
hand on both sides; OpenIM's are not in its column.

| entity | declared here | OpenIM's data layer | rules here | where, in packages/im-server/src/domain |
|---|---|---|---|---|
${rows.map(({ name, declared, openIM, ruled, files }) => `| ${name} | ${declared} | ${openIM ?? '–'} | ${ruled} | ${files} |`).join('\n')}
| together | ${sum(({ declared }) => declared)} | ${sum(({ openIM }) => openIM)} | ${sum(({ ruled }) => ruled)} | |

Of the ${compared.length} that OpenIM has too: ${compared.reduce((total, { declared }) => total + declared, 0)} lines here, ${sum(({ openIM }) => openIM)} there.
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(root, 'docs/lines.md'), page())
  console.log(page())
}
