import * as fs from "node:fs";
import { FileError } from "../../errors.ts";
import { SECRET_MODE, systemErrorCode, writeAll, writeError } from "../../files.ts";
import { encodeJsonLine, encodeUtf8 } from "../../text.ts";

const NAME = "trace";

/** Takes the lines of a trace. */
export interface TraceSink {
  /** @param line - what goes into it as JSON */
  write(line: object): void;
  close(): void;
}

/**
 * Writes the lines of a trace to a new file, each with one call and at once, so
 * that a process that is killed leaves whole lines.
 *
 * Where a line cannot be written, the file is cut back to the lines before it,
 * the failure is told once, and nothing more is written: a trace with a gap
 * would mislead.
 */
export class TraceWriter implements TraceSink {
  readonly #path: string;
  readonly #onFailure: (reason: string) => void;
  #fd: number | undefined;
  /** Bytes of whole lines. */
  #length = 0;

  /**
   * @param onFailure - told why, in one line
   * @throws {FileError} FILE_EXISTS, FILE_WRITE
   */
  constructor(path: string, onFailure: (reason: string) => void) {
    this.#path = path;
    this.#onFailure = onFailure;
    try {
      this.#fd = fs.openSync(path, "wx", SECRET_MODE);
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw writeError(path, NAME, error);
      throw new FileError("FILE_EXISTS", `${path} exists, and a ${NAME} is never written over another file`, {
        kind: "outside",
        hint: "choose another name, or move the file away first",
      });
    }
  }

  write(line: object): void {
    if (this.#fd === undefined) return;
    const bytes = encodeUtf8(`${encodeJsonLine(line)}\n`);
    try {
      writeAll(this.#fd, bytes);
      this.#length += bytes.length;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** May be called twice. */
  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd === undefined) return;
    try {
      fs.closeSync(fd);
    } catch (error) {
      this.#onFailure(writeError(this.#path, NAME, error).message);
    }
  }

  #fail(error: unknown): void {
    try {
      if (this.#fd !== undefined) fs.ftruncateSync(this.#fd, this.#length);
    } catch {
      // Not a regular file, or a disk that fails altogether.
    }
    this.#onFailure(writeError(this.#path, NAME, error).message);
    this.close();
  }
}
