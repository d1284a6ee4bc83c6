import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as v from "valibot";
import { equalBytes } from "../../bytes.ts";
import { CtapError, FileError, KeyholeError } from "../../errors.ts";
import { readError, readFile, removeQuietly, SECRET_MODE, systemErrorCode, writeError, writeNewFile } from "../../files.ts";
import { jsonObject, parseJson } from "../../json.ts";
import { withLock } from "../../lock.ts";
import { encodeUtf8, parseUtf8 } from "../../text.ts";
import { encodeUnpaddedBase64url, parseUnpaddedBase64url } from "../unpadded-base64url.ts";
import { LEAST_MIN_PIN_LENGTH, MAX_CREDENTIALS, MAX_LARGE_BLOBS_LENGTH, MAX_PIN_RETRIES, newState, type State, type Store } from "./state.ts";

const NAME = "state of a virtual authenticator";

/** Several times what a full one has. */
const MAX_STATE_LENGTH = 1024 * 1024;

/** For a step of another process; the card's program hears no signal meanwhile. */
const LOCK_WAIT_MS = 900;

/** Says whose file it is. */
const FORMAT = "keyhole-ctap-virtual-1";

const Bytes = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseUnpaddedBase64url(dataset.value);
    } catch (error) {
      if (!(error instanceof KeyholeError)) throw error;
      addIssue({ message: error.message });
      return NEVER;
    }
  }),
);

const count = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const bytes = (min: number, max = min) => v.pipe(Bytes, v.minLength(min), v.maxLength(max));

const StateFile = jsonObject({
  format: v.literal(FORMAT),
  deviceKey: bytes(32),
  counter: count(0, 0xffff_ffff),
  pin: v.exactOptional(jsonObject({ hash: bytes(16), length: count(LEAST_MIN_PIN_LENGTH, 63) })),
  pinRetries: count(0, MAX_PIN_RETRIES),
  forcePinChange: v.boolean(),
  minPinLength: count(LEAST_MIN_PIN_LENGTH, 63),
  minPinLengthRpIds: v.array(v.string()),
  alwaysUv: v.boolean(),
  credentials: v.pipe(
    v.array(
      jsonObject({
        id: Bytes,
        rpId: v.string(),
        user: jsonObject({ id: bytes(1, 64), name: v.exactOptional(v.string()), displayName: v.exactOptional(v.string()) }),
        credBlob: v.exactOptional(Bytes),
      }),
    ),
    v.maxLength(MAX_CREDENTIALS),
  ),
  largeBlobs: bytes(17, MAX_LARGE_BLOBS_LENGTH),
});

/**
 * Keeps a state in a file of JSON, which only its owner may read. It is written
 * as a whole after each step that changed it. Processes that use one file take
 * turns, step by step.
 */
export class FileStore implements Store {
  readonly #path: string;

  /**
   * @param path - made where it is not there
   * @throws {CtapError} CTAP_STATE; {FileError} FILE_READ, FILE_TOO_LONG, FILE_WRITE, FILE_LOCKED
   */
  constructor(path: string) {
    this.#path = realPath(path);
    withLock(this.#path, () => {
      if (fs.existsSync(this.#path)) parseState(read(this.#path), this.#path);
      else writeNewFile(this.#path, NAME, encodeState(newState()));
    }, LOCK_WAIT_MS);
  }

  /**
   * What would become too long to be read again is not written.
   *
   * @throws {CtapError} CTAP_STATE; {FileError} FILE_READ, FILE_TOO_LONG, FILE_WRITE, FILE_LOCKED
   */
  run<Result>(step: (state: State) => Result): Result {
    return withLock(this.#path, () => {
      const before = read(this.#path);
      const state = parseState(before, this.#path);
      const result = step(state);
      const after = encodeState(state);
      if (!equalBytes(after, before)) replaceFile(this.#path, after);
      return result;
    }, LOCK_WAIT_MS);
  }
}

/** So that neither a link is replaced by a file, nor two names of one file have two locks. */
function realPath(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return path;
    throw writeError(path, NAME, error);
  }
}

function read(path: string): Uint8Array {
  try {
    // To open a pipe would be to wait for whoever writes to it.
    if (!fs.statSync(path).isFile()) throw new FileError("FILE_READ", `${NAME} ${path} is not a regular file`, { hint: "name another file" });
  } catch (error) {
    throw readError(path, NAME, error);
  }
  return readFile(path, NAME, MAX_STATE_LENGTH).bytes;
}

/** A half-written file never has the name. */
function replaceFile(path: string, contents: Uint8Array): void {
  if (contents.length > MAX_STATE_LENGTH) throw new FileError("FILE_TOO_LONG", `${NAME} ${path} would be longer than ${MAX_STATE_LENGTH} bytes`, { kind: "outside", hint: "delete some of its credentials" });
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    fs.writeFileSync(temporary, contents, { flag: "wx", mode: SECRET_MODE, flush: true });
    fs.renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw writeError(path, NAME, error);
  }
}

function parseState(contents: Uint8Array, path: string): State {
  try {
    const { pin, ...rest } = parseJson(StateFile, parseUtf8(contents, NAME));
    return { ...rest, pin };
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    // What is wrong in it stays unsaid: it may be a secret.
    throw new CtapError("CTAP_STATE", `${path} is not the ${NAME}`, { hint: "name a file that keyhole ctap virtual made, or a new one" });
  }
}

/** The reverse of `parseState`. */
function encodeState(state: State): Uint8Array {
  const encode = (_key: string, value: unknown): unknown => (value instanceof Uint8Array ? encodeUnpaddedBase64url(value) : value);
  return encodeUtf8(`${JSON.stringify({ format: FORMAT, ...state }, encode, 2)}\n`);
}
