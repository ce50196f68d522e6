// On a narrow screen one of the two sides is shown at a time; both stay signed in.
const buttons = [...document.querySelectorAll<HTMLButtonElement>('button[data-side]')]

function show(side: string | undefined): void {
  for (const button of buttons) {
    const isShown = button.dataset['side'] === side
    button.setAttribute('aria-pressed', String(isShown))
    document.getElementById(button.dataset['side'] ?? '')?.classList.toggle('behind', !isShown)
  }
}

for (const button of buttons) button.addEventListener('click', () => show(button.dataset['side']))
show('left')
