/**
 * The way by which reports come to a software authenticator and leave it:
 * memory, UDP or uhid. A report is 64 bytes, without the report number of
 * hidraw. All rules are behind it, in the driver that takes it (`runCard`).
 */
export interface Door {
  /** What a host gives to `--device`: `udp:127.0.0.1:8111,7112`. */
  readonly name: string;

  /** Called with each report of the host, in order. The driver sets it. */
  onReport: (report: Uint8Array) => void;

  /** Called where the host takes the power away and gives it back. The driver sets it. */
  onPowerCycle?: () => void;

  /** Sends a report to the host, in order; one that cannot be sent is lost, as on a wire. */
  send(report: Uint8Array): void;

  /** Frees what it holds. May be called twice. */
  close(): Promise<void>;
}
