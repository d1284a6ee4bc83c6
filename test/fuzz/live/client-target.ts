import assert from "node:assert/strict";
import { Interrupted, KeyholeError, WormholeError } from "../../../src/lib/errors.ts";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { newIssuer, newReceiver } from "../../../src/lib/wormhole/state.ts";
import { Wormhole, type Bounds, type WormholeEvent, type WormholeOptions } from "../../../src/lib/wormhole/wormhole.ts";
import { Random } from "../random.ts";
import { HostileServer } from "./hostile.ts";
import { compareMemory, HANG_MS, isOneIn, measureMemory, within, type LiveOptions, type LiveResult, type Memory } from "./live.ts";

const VICTIMS = 12;
const CODE = "4-purple-sausages";
const MESSAGES = ["hello", "how are you", "goodbye"];

/** How long a victim waits where it is not told of an end, and for an honest other side. */
const PATIENCE_MS = 500;
const PATIENCE_WITH_PEER_MS = 3000;
const BOUNDS: Partial<Bounds> = { answerMs: 400, closeMs: 200, pingMs: 100, silenceMs: 1000, backoffMs: () => 1 };
const OPTIONS: Omit<WormholeOptions, "url"> = { connectTimeoutMs: 1500, reconnectMs: 500, maxMessage: 64 * 1024, bounds: BOUNDS };

/**
 * The client, with a server that changes, adds and leaves out what it likes,
 * and sometimes with an honest other side. It ends by an event or an error of
 * its own, in time, keeps no memory, and is told nothing that the other side
 * did not say, in this order.
 */
export async function deceiveClient({ seed, count }: LiveOptions): Promise<LiveResult> {
  const hostile = await HostileServer.start(seed);
  const endings = new Map<string, number>();
  let runs = 0;
  let slowestMs = 0;
  let before: Memory | undefined;
  const work = async (): Promise<void> => {
    while (hostile.malformed < count) {
      const run = runs++;
      const begin = performance.now();
      const ending = await within(`run ${run}`, victim(hostile.url, run, new Random(seed, run, 1)));
      slowestMs = Math.max(slowestMs, performance.now() - begin);
      hostile.end(run);
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
      if (hostile.malformed > count / 5) before ??= measureMemory();
    }
  };
  try {
    await Promise.all(Array.from({ length: VICTIMS }, work));
    const memory = compareMemory(before ?? measureMemory(), measureMemory());
    const counts = [...endings].sort(([, a], [, b]) => b - a).map(([ending, times]) => `${ending} ${times}`);
    return { count: hostile.malformed, slowestMs, detail: `${runs} connections (${counts.join(", ")}); ${memory}` };
  } finally {
    hostile.stop();
  }
}

/** @returns how it ended */
async function victim(server: string, run: number, random: Random): Promise<string> {
  const url = `${server}?run=${run}`;
  const leave = isOneIn(random, 8) ? startSender(`${url}&honest`) : undefined;
  const state = leave === undefined && isOneIn(random, 2) ? newIssuer({ appid: "fuzz" }) : newReceiver({ appid: "fuzz", code: CODE });
  const wormhole = new Wormhole(state, { ...OPTIONS, url, watch: true });
  const deadline = Date.now() + (leave === undefined ? PATIENCE_MS : PATIENCE_WITH_PEER_MS);
  let heard = 0;
  try {
    for (;;) {
      const event = await wormhole.next(deadline);
      const ending = take(event);
      if (ending !== undefined) return ending;
    }
  } catch (error) {
    if (!(error instanceof WormholeError)) throw error;
    return error.code;
  } finally {
    await within(`closing run ${run}`, wormhole.close(wormhole.state.isVerified ? "happy" : "lonely"), HANG_MS / 2);
    leave?.();
  }

  function take(event: WormholeEvent | "timeout"): string | undefined {
    if (event === "timeout") return event;
    switch (event.type) {
      case "verified":
        assert(leave !== undefined, "somebody without the code is verified");
        wormhole.send(encodeUtf8("thanks"));
        return undefined;
      case "message":
        assert.equal(Buffer.from(event.plaintext).toString(), MESSAGES[heard]);
        heard += 1;
        return heard === MESSAGES.length ? "all messages" : undefined;
      case "ended":
        return event.reason;
      default:
        return undefined;
    }
  }
}

/** @returns ends an honest other side */
function startSender(url: string): () => void {
  const leaving = new AbortController();
  const wormhole = new Wormhole(newIssuer({ appid: "fuzz", code: CODE }), { url, connectTimeoutMs: HANG_MS, signal: leaving.signal });
  const send = async (): Promise<void> => {
    for (;;) {
      const event = await wormhole.next(Date.now() + HANG_MS);
      if (event === "timeout" || event.type === "ended") return;
      if (event.type === "verified") for (const message of MESSAGES) wormhole.send(encodeUtf8(message));
    }
  };
  // What becomes of it is not what is looked at.
  send().catch((error: unknown) => assert(error instanceof KeyholeError || error instanceof Interrupted, String(error)));
  return () => {
    leaving.abort(new Interrupted());
    wormhole.disconnect();
  };
}
