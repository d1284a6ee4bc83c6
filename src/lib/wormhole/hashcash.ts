import { createHash, randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { WormholeError } from "../errors.ts";

/** Half a minute of work on a slow machine. */
const MAX_BITS = 24;
const MAX_RESOURCE_LENGTH = 1000;
const RANDOM_LENGTH = 16;
/** So many attempts take some milliseconds, after which others have their turn. */
const ATTEMPTS_AT_A_TIME = 4096;

/**
 * Works for a stamp that a server demands before it serves, as it makes every
 * connection cost something. Source: hashcash version 1.
 *
 * @param bits - zero bits that its SHA-1 must begin with; each one more doubles the work
 * @param resource - as the server names itself
 * @param signal - ends the work, by throwing its reason
 * @returns `1:bits:YYMMDD:resource::random:counter`
 * @throws {WormholeError} WORMHOLE_HASHCASH: more work, or a longer resource, than is reasonable
 */
export async function mintHashcash(
  bits: number,
  resource: string,
  date: Date,
  { random = randomBytes, signal }: { readonly random?: (length: number) => Uint8Array; readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  if (!Number.isInteger(bits) || bits < 0 || bits > MAX_BITS) {
    throw hashcashError(`server demands a stamp of ${bits} bits, expected 0 to ${MAX_BITS}`, "it is overloaded, or sets a trap; try another server");
  }
  if (resource.length > MAX_RESOURCE_LENGTH) {
    throw hashcashError(`server demands a stamp for a resource of ${resource.length} characters, expected at most ${MAX_RESOURCE_LENGTH}`);
  }
  const day = date.toISOString().slice(2, 10).replaceAll("-", "");
  const start = `1:${bits}:${day}:${resource}::${Buffer.from(random(RANDOM_LENGTH)).toString("base64")}:`;
  for (let counter = 0; ; counter++) {
    const stamp = start + counter.toString(16);
    if (verifyHashcash(stamp, bits)) return stamp;
    if (counter % ATTEMPTS_AT_A_TIME !== ATTEMPTS_AT_A_TIME - 1) continue;
    await setImmediate();
    signal?.throwIfAborted();
  }
}

function hashcashError(found: string, hint?: string): WormholeError {
  return new WormholeError("WORMHOLE_HASHCASH", found, { kind: "outside", ...(hint === undefined ? {} : { hint }) });
}

/** Whether the SHA-1 of a stamp begins with so many zero bits. */
export function verifyHashcash(stamp: string, bits: number): boolean {
  const digest = createHash("sha1").update(stamp).digest();
  const zeroBytes = Math.floor(bits / 8);
  for (let i = 0; i < zeroBytes; i++) if (digest[i] !== 0) return false;
  return bits % 8 === 0 || (digest[zeroBytes] ?? 0) >> (8 - (bits % 8)) === 0;
}
