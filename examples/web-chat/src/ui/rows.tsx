import type { ComponentChildren } from 'preact'

const mostShown = 99

/** How many are unread. */
export const Count = ({ count, isQuiet = false }: { readonly count: number; readonly isQuiet?: boolean }) => (
  <span class={isQuiet ? 'count muted' : 'count'}>
    {count > mostShown ? `${mostShown}+` : count}
    <span class="hidden"> new</span>
  </span>
)

/** A heading over some rows. */
export const Section = ({ title, children }: { readonly title: string; readonly children: ComponentChildren }) => (
  <section>
    <h2>{title}</h2>
    <ul class="list">{children}</ul>
  </section>
)
