import { useState } from 'preact/hooks'

/** People for a first try; the server makes them when they sign in. */
export const demoNames = ['Ada', 'Bob', 'Cleo', 'Dan']

/** Asks for a name. There is no password: the server does this on its own machine only. */
export function SignIn({ onSignIn }: { readonly onSignIn: (name: string) => void }) {
  const [name, setName] = useState('')
  return (
    <main class="card">
      <h1>Who are you?</h1>
      <p>A demo user needs a name and no password. Whoever takes the same name sees the same chats.</p>
      <form
        class="field-and-button"
        onSubmit={(event) => {
          event.preventDefault()
          if (name.trim() !== '') onSignIn(name)
        }}
      >
        <label>
          <span class="hidden">Name</span>
          <input
            name="name"
            maxLength={60}
            required
            autoFocus
            placeholder="Your name"
            autocomplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
      <p class="actions">
        {demoNames.map((demoName) => (
          <button key={demoName} type="button" onClick={() => onSignIn(demoName)}>
            {demoName}
          </button>
        ))}
      </p>
    </main>
  )
}
