/** Reports kept for a slow reader; a card that floods is not worth more memory. */
const MAX_REPORTS = 4096;

/** Reports that have come and were not yet taken. One taker at a time. */
export class ReportQueue {
  readonly #reports: Uint8Array[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  // Listening anew for each report would take longer than all else here.
  #watched: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#wake?.();

  /** Of more than 4096 the oldest is dropped. */
  push(report: Uint8Array): void {
    this.#reports.push(report);
    if (this.#reports.length > MAX_REPORTS) this.#reports.shift();
    this.#wake?.();
  }

  /** No more will come. Those that are there can still be taken; then the error is thrown. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#watched?.removeEventListener("abort", this.#onAbort);
    this.#wake?.();
  }

  /** @returns all that are there, the oldest first */
  drain(): readonly Uint8Array[] {
    return this.#reports.splice(0);
  }

  /**
   * @param timeoutMs - the longest wait; without it only the signal ends it
   * @returns the oldest report, or nothing where the time is up
   * @throws the error of `fail`; the reason of the signal
   */
  async take(signal: AbortSignal, timeoutMs: number): Promise<Uint8Array | undefined>;
  async take(signal: AbortSignal): Promise<Uint8Array>;
  async take(signal: AbortSignal, timeoutMs?: number): Promise<Uint8Array | undefined> {
    signal.throwIfAborted();
    if (this.#reports.length === 0 && this.#failure === undefined) await this.#wait(signal, timeoutMs);
    signal.throwIfAborted();
    const report = this.#reports.shift();
    if (report === undefined && this.#failure !== undefined) throw this.#failure.error;
    return report;
  }

  async #wait(signal: AbortSignal, timeoutMs: number | undefined): Promise<void> {
    this.#watch(signal);
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
    });
    this.#wake = undefined;
    clearTimeout(timer);
  }

  #watch(signal: AbortSignal): void {
    if (signal === this.#watched) return;
    this.#watched?.removeEventListener("abort", this.#onAbort);
    signal.addEventListener("abort", this.#onAbort);
    this.#watched = signal;
  }
}
