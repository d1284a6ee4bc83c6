/**
 * Waits for a promise, and no longer than it may take. What the promise stands
 * for goes on; its end is then nobody's business.
 *
 * @param late - makes the error for when the time is up
 * @throws what the promise throws; the error of `late`; the reason of the signal
 */
export async function within<T>(promise: Promise<T>, timeoutMs: number, late: () => Error, signal?: AbortSignal): Promise<T> {
  promise.catch(() => undefined);
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => reject(late()), timeoutMs);
      abort = () => reject(signal?.reason as Error);
      signal?.addEventListener("abort", abort);
      promise.then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    if (abort !== undefined) signal?.removeEventListener("abort", abort);
  }
}
