import type { Test } from "tap";
import { KeyholeError } from "../../../src/lib/errors.ts";
import { encodeUtf8, parseUtf8 } from "../../../src/lib/text.ts";
import { newIssuer, newReceiver, type WormholeState } from "../../../src/lib/wormhole/state.ts";
import { Wormhole, type Bounds, type WormholeEvent, type WormholeOptions } from "../../../src/lib/wormhole/wormhole.ts";
import { APPID } from "./player.ts";

export const CODE = "4-purple-sausages";

/** No test waits for a second. */
export const QUICK: Partial<Bounds> = { backoffMs: () => 2 };

export function issuerState(code?: string): WormholeState {
  return newIssuer({ appid: APPID, code });
}

export function receiverState(code = CODE): WormholeState {
  return newReceiver({ appid: APPID, code });
}

/** A wormhole that ends with the test. */
export function wormhole(t: Test, state: WormholeState, options: WormholeOptions): Wormhole {
  const one = new Wormhole(state, { bounds: QUICK, ...options });
  t.teardown(() => void one.disconnect());
  return one;
}

/** Goes through events up to one of this type. */
export async function until<Type extends WormholeEvent["type"]>(one: Wormhole, type: Type): Promise<WormholeEvent & { readonly type: Type }> {
  for (;;) {
    const event = await one.next(Date.now() + 20_000);
    if (event === "timeout") throw new Error(`no ${type} came`);
    if (event.type === type) return event as WormholeEvent & { readonly type: Type };
    if (event.type === "ended") throw new Error(`ended: ${event.reason}, ${event.detail ?? ""}`);
  }
}

export function text(plaintext: Uint8Array): string {
  return parseUtf8(plaintext, "message");
}

/** The sender of one message, up to its acknowledgement. */
export async function offer(one: Wormhole, message: string): Promise<string> {
  await until(one, "verified");
  one.send(encodeUtf8(message));
  const { plaintext } = await until(one, "message");
  await one.close("happy");
  return text(plaintext);
}

/** The receiver of one message, which acknowledges it. */
export async function take(one: Wormhole): Promise<string> {
  const { plaintext } = await until(one, "message");
  one.send(encodeUtf8("ok"));
  await one.close("happy");
  return text(plaintext);
}

/** What a receiver meets at an address. */
export async function meet(t: Test, url: string, options: Partial<WormholeOptions> = {}): Promise<KeyholeError> {
  const one = wormhole(t, receiverState(), { url, connectTimeoutMs: 5000, ...options });
  try {
    await until(one, "ended");
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    await one.close("lonely");
    return error;
  }
  throw new Error("no error");
}

/** The same, where it is an error that helps whoever reads it. */
export async function meets(t: Test, name: string, url: string, code: string, message: RegExp, options?: Partial<WormholeOptions>): Promise<void> {
  const error = await meet(t, url, options);
  t.match(error, { code, kind: "outside", message, hint: String }, name);
  t.equal(error.message.split("\n").length, 1);
}
