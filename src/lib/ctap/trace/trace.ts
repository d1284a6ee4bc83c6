import type { Report } from "./report.ts";

/** A recorded conversation. */
export interface Trace {
  /** Who wrote it: Keyhole, or libfido2 with FIDO_DEBUG. */
  readonly format: "keyhole" | "fido-debug";
  readonly events: readonly TraceEvent[];
  /** The last line or dump is not whole, as after a crash or in a log that is still written; it is left out. */
  readonly isCut: boolean;
}

export type TraceEvent =
  | { readonly kind: "open"; readonly timeMs: number | undefined; readonly device: string }
  | {
      readonly kind: "report";
      readonly report: Report;
      /** What of it is not as it was. */
      readonly redacted: readonly string[];
    }
  | { readonly kind: "error"; readonly timeMs: number | undefined; readonly code: string; readonly message: string | undefined }
  | { readonly kind: "close"; readonly timeMs: number | undefined }
  /** A line of FIDO_DEBUG that is no report. */
  | { readonly kind: "note"; readonly text: string };
