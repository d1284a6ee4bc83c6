/**
 * Moves whole reports to and from one card. A report is 64 bytes, without the
 * report number of hidraw.
 */
export interface Transport {
  /** As a person gives it to `--device`: `hidraw:/dev/hidraw0`. */
  readonly name: string;

  /** @throws {CtapError} CTAP_DEVICE_LOST */
  send(report: Uint8Array): Promise<void>;

  /**
   * @returns the next report, from whatever channel, in order of arrival
   * @throws {CtapError} CTAP_DEVICE_LOST; the reason of the signal, once it is aborted
   */
  receive(signal: AbortSignal): Promise<Uint8Array>;

  /** Frees what it holds; a `receive` that waits ends with an error. May be called twice. */
  close(): Promise<void>;
}
