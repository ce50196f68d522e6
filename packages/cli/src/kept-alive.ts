/** Waits, and keeps this process alive meanwhile: the timers of the clock do not. */
export async function keptAlive<T>(work: Promise<T>): Promise<T> {
  const handle = setInterval(() => undefined, 60_000)
  try {
    return await work
  } finally {
    clearInterval(handle)
  }
}
