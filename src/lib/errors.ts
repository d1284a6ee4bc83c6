/**
 * What an error means to the person who meets it; `main.ts` turns it into an
 * exit status.
 *
 * - `no`: everything worked and the answer is no (exit 1)
 * - `input`: the command line or something that was read cannot be used (exit 2)
 * - `outside`: a file, device or stream failed (exit 3)
 */
export type ErrorKind = "no" | "input" | "outside";

export interface ErrorDetails {
  readonly kind?: ErrorKind;
  /** The next step, one lower-case line without a final period. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The parent of every error that Keyhole throws on purpose. `code` is stable;
 * the message is one lower-case line that says what was found and what was
 * expected.
 */
export class KeyholeError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.kind = details.kind ?? "input";
    this.hint = details.hint;
  }

  /** The same error, its message led by what it is about, say a file name. */
  about(subject: string): KeyholeError {
    const hint = this.hint === undefined ? {} : { hint: this.hint };
    return new KeyholeError(this.code, `${subject}: ${this.message}`, { kind: this.kind, cause: this, ...hint });
  }
}

/** The command line cannot be understood. */
export class UsageError extends KeyholeError {}

/** A file or stream cannot be read (`input`) or written (`outside`). */
export class FileError extends KeyholeError {}

/** A GLOME key, tag or challenge cannot be used, or is refused. */
export class GlomeError extends KeyholeError {}

/** A security key cannot be used, failed, or said no. */
export class CtapError extends KeyholeError {}

/** A wormhole cannot be set up, or ended otherwise than it should. */
export class WormholeError extends KeyholeError {}

/** An invite cannot be issued or accepted. */
export class InviteError extends KeyholeError {}

/** The person pressed Ctrl-C, or ended the input, at a prompt. */
export class Interrupted extends Error {}
