const longMs = 2 ** 30

/** Keeps the process alive until the work has ended: the timers of a clock do not, and between two tries nothing else may. */
export async function awake<T>(work: Promise<T>): Promise<T> {
  const handle = setInterval(() => undefined, longMs)
  try {
    return await work
  } finally {
    clearInterval(handle)
  }
}
