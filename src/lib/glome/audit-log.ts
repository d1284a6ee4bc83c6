import * as fs from "node:fs";
import { dirname, basename, join } from "node:path";
import { FileError, GlomeError } from "../errors.ts";
import { SECRET_MODE, readError, systemErrorCode, writeAll, writeError } from "../files.ts";
import { withLock } from "../lock.ts";
import { encodeUtf8, parseUtf8 } from "../text.ts";
import { EMPTY_CHAIN, encodeAuditLine, nextInChain, parseAuditLine, type AuditEvent, type ChainEnd } from "./audit.ts";

/** More than the longest line: a challenge of 64 KiB, its parts again, all escaped. */
const MAX_LINE_LENGTH = 2 * 1024 * 1024;
const CHUNK_LENGTH = 64 * 1024;
const NEWLINE = 0x0a;

/**
 * Adds events to an audit file, on the disk when this returns. Processes that
 * append to one file at the same time make one chain.
 *
 * @throws {FileError} FILE_WRITE, FILE_LOCKED; {GlomeError} AUDIT_TAIL
 */
export function appendAudit(path: string, events: readonly AuditEvent[]): void {
  try {
    const file = resolve(path);
    withLock(file, () => append(file, events));
  } catch (error) {
    if (error instanceof GlomeError) throw error;
    throw writeError(path, "audit file", error);
  }
}

/** One lock for one file, whatever name it is called by. */
function resolve(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    return join(fs.realpathSync(dirname(path)), basename(path));
  }
}

function append(path: string, events: readonly AuditEvent[]): void {
  const fd = fs.openSync(path, "a+", SECRET_MODE);
  try {
    const stat = fs.fstatSync(fd);
    // A pipe or device keeps nothing, and the lock goes by the one name.
    if (!stat.isFile() || stat.nlink > 1) throw new FileError("FILE_WRITE", `audit file ${path} is not a regular file with one name`, { kind: "outside" });
    let end = readEnd(fd, stat.size, path);
    let lines = "";
    for (const event of events) {
      const next = encodeAuditLine(event, end);
      lines += `${next.line}\n`;
      end = next.end;
    }
    try {
      writeAll(fd, encodeUtf8(lines));
      fs.fdatasyncSync(fd);
    } catch (error) {
      // A line half written would break the chain for good.
      fs.ftruncateSync(fd, stat.size);
      throw error;
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** @throws {GlomeError} AUDIT_TAIL where the last line cannot be built upon */
function readEnd(fd: number, size: number, path: string): ChainEnd {
  if (size === 0) return EMPTY_CHAIN;
  try {
    const { sequence, hash } = parseAuditLine(readLastLine(fd, size));
    return { sequence, hash };
  } catch (error) {
    if (!(error instanceof GlomeError)) throw error;
    throw new GlomeError("AUDIT_TAIL", `audit file ${path} ends in a damaged line: ${error.message}`, {
      kind: "outside",
      hint: "look with keyhole audit verify; move the file away to begin a new one",
      cause: error,
    });
  }
}

function readLastLine(fd: number, size: number): string {
  let tail = Buffer.alloc(0);
  let start = size;
  while (start > 0 && size - start < MAX_LINE_LENGTH) {
    const length = Math.min(CHUNK_LENGTH, start);
    start -= length;
    const chunk = Buffer.alloc(length);
    fs.readSync(fd, chunk, 0, length, start);
    tail = Buffer.concat([chunk, tail]);
    if (tail.at(-1) !== NEWLINE) throw new GlomeError("AUDIT_LINE", "line has no newline");
    const newline = tail.lastIndexOf(NEWLINE, tail.length - 2);
    if (newline >= 0) return parseAuditText(tail.subarray(newline + 1, -1));
  }
  if (start > 0) throw new GlomeError("AUDIT_LINE", `line is longer than ${MAX_LINE_LENGTH} bytes`);
  return parseAuditText(tail.subarray(0, -1));
}

function parseAuditText(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes, "line");
  } catch (error) {
    throw new GlomeError("AUDIT_LINE", "line is not UTF-8 text", { kind: "no", cause: error });
  }
}

export interface AuditReport {
  readonly end: ChainEnd;
  /** The first line that breaks the chain, from 1. */
  readonly broken?: { readonly line: number; readonly code: string; readonly message: string };
}

/**
 * Follows the chain of an audit file from its first line.
 *
 * @param knownHash - an earlier end of the same chain, which must still be in
 *   it: it shows that lines were dropped at the tail
 * @throws {FileError} FILE_READ
 */
export function verifyAudit(path: string, knownHash: string | undefined): AuditReport {
  let end = EMPTY_CHAIN;
  let isKnown = knownHash === undefined || knownHash === end.hash;
  try {
    for (const line of readLines(path)) {
      end = nextInChain(end, line);
      isKnown ||= end.hash === knownHash;
    }
  } catch (error) {
    if (!(error instanceof GlomeError)) throw readError(path, "audit file", error);
    return { end, broken: { line: end.sequence + 1, code: error.code, message: error.message } };
  }
  if (!isKnown) {
    return { end, broken: { line: end.sequence + 1, code: "AUDIT_KNOWN_HASH", message: "known hash is not in the chain: lines after it or with it were dropped, or it is of another file" } };
  }
  return { end };
}

/** @throws {GlomeError} AUDIT_LINE for what is no line */
function* readLines(path: string): Generator<string> {
  const fd = fs.openSync(path, "r");
  try {
    let rest = Buffer.alloc(0);
    const chunk = Buffer.alloc(CHUNK_LENGTH);
    for (let length = fs.readSync(fd, chunk); length > 0; length = fs.readSync(fd, chunk)) {
      rest = Buffer.concat([rest, chunk.subarray(0, length)]);
      let start = 0;
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, start)) {
        yield parseAuditText(rest.subarray(start, end));
        start = end + 1;
      }
      rest = rest.subarray(start);
      if (rest.length > MAX_LINE_LENGTH) throw new GlomeError("AUDIT_LINE", `line is longer than ${MAX_LINE_LENGTH} bytes`, { kind: "no" });
    }
    if (rest.length > 0) throw new GlomeError("AUDIT_LINE", "line has no newline at its end", { kind: "no" });
  } finally {
    fs.closeSync(fd);
  }
}

