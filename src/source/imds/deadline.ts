/**
 * Runs `work` with a signal that follows `signal`, and that aborts after `ms` with the reason that `late` makes.
 * Leaves neither timer nor listener behind.
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const follow = () => {
    controller.abort(signal.reason);
  };
  const timer = setTimeout(() => {
    controller.abort(late());
  }, ms);
  signal.addEventListener('abort', follow, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', follow);
  }
}
