const steps: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_at, last) => last,
}

/** Moves the focus within a list by arrow keys, Home and End; items carry `data-item`. */
export function moveFocus(event: KeyboardEvent): void {
  const step = steps[event.key]
  if (step === undefined || !(event.currentTarget instanceof HTMLElement)) return
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-item]')]
  const at = items.findIndex((item) => item === document.activeElement || item.contains(document.activeElement))
  if (at < 0) return
  event.preventDefault()
  items[step(at, items.length - 1)]?.focus()
}

/** The same, for a row of tabs. */
export function moveAcross(event: KeyboardEvent): void {
  if (!(event.currentTarget instanceof HTMLElement)) return
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')]
  const at = items.findIndex((item) => item === document.activeElement)
  const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
  if (at < 0 || by === 0) return
  event.preventDefault()
  const next = items[(at + by + items.length) % items.length]
  next?.focus()
  next?.click()
}
