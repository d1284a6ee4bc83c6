import { randomBytes } from "node:crypto";
import { accessSync, closeSync, constants, copyFileSync, fstatSync, fsyncSync, linkSync, lstatSync, openSync, readSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { concatBytes, copyBytes } from "./bytes.ts";
import { FileError } from "./errors.ts";

/** Only its owner may read or write the file. */
export const SECRET_MODE = 0o600;

const READABLE_BY_OTHERS = 0o044;
const CHUNK_LENGTH = 64 * 1024;

export interface FileContents {
  readonly bytes: Uint8Array;
  /** Group or others may read it; never said of pipes and devices. */
  readonly readableByOthers: boolean;
}

/**
 * Reads a whole file or pipe, and never more than it may have.
 *
 * @param name - what the file is, for the error: `private key`
 * @throws {FileError} FILE_READ, FILE_TOO_LONG
 */
export function readFile(path: string, name: string, maxLength: number): FileContents {
  let fd;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw readError(path, name, error);
  }
  try {
    const stat = fstatSync(fd);
    const bytes = readToEnd(fd, maxLength);
    if (bytes === undefined) {
      throw new FileError("FILE_TOO_LONG", `${name} ${path} is longer than ${maxLength} bytes`, { hint: "check that this is the right file" });
    }
    return { bytes, readableByOthers: stat.isFile() && (stat.mode & READABLE_BY_OTHERS) !== 0 };
  } catch (error) {
    throw readError(path, name, error);
  } finally {
    closeSync(fd);
  }
}

/** @returns nothing where there are more than `maxLength` bytes */
export function readToEnd(fd: number, maxLength: number): Uint8Array | undefined {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (const chunk of readChunks(fd)) {
    length += chunk.length;
    if (length > maxLength) return undefined;
    chunks.push(copyBytes(chunk));
  }
  return concatBytes(...chunks);
}

/** Reads as bytes arrive. Each chunk is valid until the next one. */
export function* readChunks(fd: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_LENGTH);
  for (;;) {
    const length = retry(() => readSync(fd, buffer));
    if (length === 0) return;
    yield buffer.subarray(0, length);
  }
}

/** Writes all of it. @throws the system's error */
export function writeAll(fd: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) offset += retry(() => writeSync(fd, bytes, offset));
}

const RETRY_MS = 5;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Waits, without the event loop. */
export function sleep(ms: number): void {
  Atomics.wait(pause, 0, 0, ms);
}

/** A terminal or pipe that another process made non-blocking says EAGAIN; the end of one on Windows, EOF. */
function retry(transfer: () => number): number {
  for (;;) {
    try {
      return transfer();
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      sleep(RETRY_MS);
    }
  }
}

/**
 * Says before the work where `writeNewFile` would refuse after it.
 *
 * @param name - what the file is, for the error: `private key`
 * @throws {FileError} FILE_EXISTS, FILE_WRITE
 */
export function checkNewFile(path: string, name: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw existsError(path, name);
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw writeError(path, name, error);
  }
}

/**
 * Makes a file that was not there, whole or not at all.
 *
 * @param name - what the file is, for the error: `private key`
 * @throws {FileError} FILE_EXISTS, FILE_WRITE
 */
export function writeNewFile(path: string, name: string, contents: Uint8Array, mode = SECRET_MODE): void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    // Before the work, for the usual case; link() below makes sure of it.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw existsError(path, name);
    writeTemporary(temporary, contents, mode);
    link(temporary, path);
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") throw existsError(path, name);
    throw writeError(path, name, error);
  } finally {
    removeQuietly(temporary);
  }
}

/** Takes away what may not be there. If that fails, what went before it counts. */
export function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is not there, or its directory has become unwritable meanwhile.
  }
}

function writeTemporary(path: string, contents: Uint8Array, mode: number): void {
  const fd = openSync(path, "wx", mode);
  try {
    writeAll(fd, contents);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A link, unlike a rename, never replaces a file. Memory sticks (FAT) have none. */
function link(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS") throw error;
    copyFileSync(temporary, path, constants.COPYFILE_EXCL);
  }
}

/**
 * Takes a file away, so that of all who try only one has it.
 *
 * @returns its contents, or nothing where there is no such file
 * @throws {FileError} FILE_WRITE, FILE_READ, FILE_TOO_LONG
 */
export function takeFile(path: string, name: string, maxLength: number): Uint8Array | undefined {
  const taken = `${path}.${randomBytes(6).toString("hex")}.taken`;
  try {
    // Another name for it would be left, and could be taken again.
    const stat = lstatSync(path);
    if (!stat.isFile() || stat.nlink > 1) throw new FileError("FILE_READ", `${name} ${path} is not a regular file with one name`);
    renameSync(path, taken);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw writeError(path, name, error);
  }
  try {
    return readFile(taken, name, maxLength).bytes;
  } finally {
    removeQuietly(taken);
  }
}

function existsError(path: string, name: string): FileError {
  return new FileError("FILE_EXISTS", `${path} exists, and a ${name} is never written over another file`, {
    kind: "outside",
    hint: "choose another name, or move the file away first",
  });
}

export function readError(path: string, name: string, error: unknown): FileError {
  if (error instanceof FileError) return error;
  return new FileError("FILE_READ", `${name} ${path} cannot be read: ${describeSystemError(error)}`, {
    hint: "check the path, and that you may read it",
    cause: error,
  });
}

export function writeError(path: string, name: string, error: unknown): FileError {
  if (error instanceof FileError) return error;
  return new FileError("FILE_WRITE", `${name} ${path} cannot be written: ${describeSystemError(error)}`, {
    kind: "outside",
    hint: "check that its directory is there, that you may write to it, and that there is room",
    cause: error,
  });
}

export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "another program has it",
  ECONNREFUSED: "nobody listens there",
  EDQUOT: "disk quota exceeded",
  EEXIST: "it exists",
  EFBIG: "file too large",
  EHOSTUNREACH: "no way there",
  EIO: "input/output error",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "name too long",
  ENETUNREACH: "no way there",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "operation not permitted",
  EPIPE: "the reader has gone",
  EROFS: "read-only file system",
  ENXIO: "no such device",
};

/** What the system said, in words. */
export function describeSystemError(error: unknown): string {
  const code = systemErrorCode(error);
  if (code === undefined) throw error;
  const words = SYSTEM_ERRORS[code];
  return words === undefined ? code : `${words} (${code})`;
}
