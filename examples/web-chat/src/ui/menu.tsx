import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'
import { moveFocus } from './keys.ts'

/** One line of a menu. */
export interface MenuItem {
  readonly label: string
  readonly isDangerous?: boolean
  readonly run: () => void
}

interface MenuProps {
  readonly label: string
  readonly items: readonly MenuItem[]
  readonly icon?: IconName
  readonly tabIndex?: number
}

const gapPx = 4

const isShown = (popover: HTMLElement): boolean => popover.matches(':popover-open')

/** A button that opens a list of actions: arrow keys move, Enter acts, Esc closes and gives the focus back. */
export function Menu({ label, items, icon = 'more', tabIndex = 0 }: MenuProps) {
  const button = useRef<HTMLButtonElement>(null)
  const list = useRef<HTMLDivElement>(null)
  // Counted, because the button may be pressed again before the browser has told that the list closed.
  const [opening, setOpening] = useState(0)
  const isOpen = opening > 0

  // Its items are there by then, so it can be measured.
  useLayoutEffect(() => {
    if (opening === 0) return
    const [at, shown] = [button.current!.getBoundingClientRect(), list.current!]
    if (!isShown(shown)) shown.showPopover()
    const { offsetWidth, offsetHeight } = shown
    const isBelow = at.bottom + gapPx + offsetHeight < innerHeight
    shown.style.top = `${isBelow ? at.bottom + gapPx : Math.max(gapPx, at.top - gapPx - offsetHeight)}px`
    shown.style.left = `${Math.max(gapPx, Math.min(at.right - offsetWidth, innerWidth - offsetWidth - gapPx))}px`
    shown.querySelector<HTMLElement>('[data-item]')?.focus()
  }, [opening])

  return (
    <>
      <button
        ref={button}
        type="button"
        class="quiet round"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        tabIndex={tabIndex}
        onClick={() => setOpening(opening + 1)}
      >
        <Icon name={icon} />
      </button>
      <div
        ref={list}
        class="menu"
        popover="auto"
        role="menu"
        aria-label={label}
        onKeyDown={(event) => {
          if (event.key === 'Tab') list.current?.hidePopover()
          event.stopPropagation()
          moveFocus(event)
        }}
        onToggle={() => {
          if (!isShown(list.current!)) setOpening(0)
        }}
      >
        {isOpen &&
          items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              data-item
              tabIndex={-1}
              class={item.isDangerous === true ? 'dangerous' : ''}
              onClick={() => {
                list.current?.hidePopover()
                button.current?.focus()
                item.run()
              }}
            >
              {item.label}
            </button>
          ))}
      </div>
    </>
  )
}
