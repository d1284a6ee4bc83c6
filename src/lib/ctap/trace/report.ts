/** Which way a report went. */
export type Direction = "to-card" | "from-card";

/** One report of a conversation, as it passed. */
export interface Report {
  /** Milliseconds since 1970, with a fraction; nothing where it is not known. */
  readonly timeMs?: number | undefined;
  readonly direction: Direction;
  /** 64 bytes, unless the transport is at fault. */
  readonly bytes: Uint8Array;
}
