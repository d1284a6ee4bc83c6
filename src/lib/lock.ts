import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, linkSync, openSync, readSync, readlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { FileError } from "./errors.ts";
import { removeQuietly, SECRET_MODE, sleep, systemErrorCode, writeError } from "./files.ts";

const WAIT_MS = 30_000;
const MIN_PAUSE_MS = 2;
const MAX_PAUSE_MS = 20;

/**
 * Runs a function while no other process that locks the same path does.
 *
 * The lock is a file beside it that names its owner. Node offers no lock that
 * the system would release when a process dies, so a lock whose owner has died
 * is removed by the next comer; the order of steps in `reap` makes sure that
 * two comers never remove one that a third has taken meanwhile.
 *
 * @param waitMs - at most, for the lock of another; no signal is heard meanwhile
 * @throws {FileError} FILE_LOCKED, FILE_WRITE
 */
export function withLock<Result>(path: string, run: () => Result, waitMs = WAIT_MS): Result {
  const lock = `${path}.lock`;
  const owner = `${processSpace()}:${process.pid}:${randomBytes(8).toString("hex")}`;
  acquire(lock, owner, waitMs);
  try {
    return run();
  } finally {
    removeQuietly(lock);
  }
}

function acquire(lock: string, owner: string, waitMs: number): void {
  const deadline = Date.now() + waitMs;
  try {
    for (;;) {
      const other = readOwner(lock);
      if (other === undefined && claim(lock, owner)) return;
      if (Date.now() > deadline) throw lockedError(lock, waitMs, other);
      if (other !== undefined && isDead(other)) reap(lock, other);
      else sleep(MIN_PAUSE_MS + Math.random() * (MAX_PAUSE_MS - MIN_PAUSE_MS));
    }
  } catch (error) {
    throw writeError(lock, "lock", error);
  }
}

/** Linking a finished file makes lock and owner appear at once. */
function claim(lock: string, owner: string): boolean {
  const file = `${lock}.${owner.replaceAll(/[^A-Za-z0-9-]/g, "-")}`;
  try {
    writeFileSync(file, owner, { flag: "wx", mode: SECRET_MODE });
    return tryLink(file, lock);
  } finally {
    removeQuietly(file);
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Host and process numbering that a process number belongs to: containers may share a host's name, and number anew. */
function processSpace(): string {
  try {
    return `${hostname()}/${readlinkSync("/proc/self/ns/pid").replaceAll(/[^0-9]/g, "")}`;
  } catch {
    return hostname(); // not Linux
  }
}

const OWNER = /^[\w./-]{1,300}:[1-9][0-9]{0,9}:[0-9a-f]{16,64}$/;
const UNKNOWN = "";
const MAX_OWNER_LENGTH = 400;

/** @returns nothing where there is no lock; for one that is none of ours, and may be anything, no text of it */
function readOwner(lock: string): string | undefined {
  let fd;
  try {
    fd = openSync(lock, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    if (systemErrorCode(error) === "ELOOP") return UNKNOWN;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(MAX_OWNER_LENGTH);
    const text = fstatSync(fd).isFile() ? bytes.toString("latin1", 0, readSync(fd, bytes)) : "";
    return OWNER.test(text) ? text : UNKNOWN;
  } finally {
    closeSync(fd);
  }
}

function isDead(owner: string): boolean {
  const [space, pid] = owner.split(":");
  if (owner === UNKNOWN || space !== processSpace()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return systemErrorCode(error) === "ESRCH";
  }
}

/**
 * Removes the lock of a dead owner. Only one process can hold the grave of a
 * given owner, and while it holds it and sees that owner in it, nobody else
 * takes the lock away. A comer too late finds another owner in the grave.
 */
function reap(lock: string, owner: string): void {
  const grave = `${lock}.dead.${owner.replaceAll(/[^A-Za-z0-9-]/g, "-")}`;
  try {
    linkSync(lock, grave);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "EEXIST" && code !== "ENOENT") throw error;
    sleep(MAX_PAUSE_MS);
    return;
  }
  if (readOwner(grave) === owner) removeQuietly(lock);
  removeQuietly(grave);
}

function lockedError(lock: string, waitMs: number, owner: string = UNKNOWN): FileError {
  return new FileError("FILE_LOCKED", `${lock} is held by ${owner === UNKNOWN ? "somebody unknown" : owner} for more than ${waitMs / 1000} seconds`, {
    kind: "outside",
    hint: "if no such process runs, remove the lock file",
  });
}
