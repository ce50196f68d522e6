const hues = 8
const letters = new Intl.Segmenter()

const firstLetter = (word: string): string => letters.segment(word)[Symbol.iterator]().next().value?.segment ?? ''

function initialsOf(name: string): string {
  const words = name.trim().split(/[\s-]+/u)
  const ends = words.length > 1 ? [words[0]!, words.at(-1)!] : words
  return ends.map(firstLetter).join('').toUpperCase() || '?'
}

function hueOf(id: string): number {
  let hash = 7
  for (let at = 0; at < id.length; at++) hash = (hash * 31 + id.charCodeAt(at)) >>> 0
  return hash % hues
}

interface AvatarProps {
  readonly id: string
  readonly name: string
  readonly isGroup?: boolean
  readonly isOnline?: boolean | undefined
  readonly isSmall?: boolean
}

/** Initials on a colour that belongs to the id, and a dot for who is online. */
export const Avatar = ({ id, name, isGroup = false, isOnline = false, isSmall = false }: AvatarProps) => (
  <span class={`avatar hue-${hueOf(id)}${isGroup ? ' group' : ''}${isSmall ? ' small' : ''}`} aria-hidden="true">
    {initialsOf(name)}
    {isOnline && <span class="dot" />}
  </span>
)
