import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { newIssuer, newReceiver } from "../../../src/lib/wormhole/state.ts";
import { Wormhole, type WormholeEvent } from "../../../src/lib/wormhole/wormhole.ts";
import { HANG_MS, within } from "./live.ts";

export const HONEST_APPID = "honest";
const MESSAGES = 3;

/** Two sides that meet, say a few things to each other, and part. */
export async function exchange(url: string): Promise<void> {
  const issuer = new Wormhole(newIssuer({ appid: HONEST_APPID }), { url });
  let receiver: Wormhole | undefined;
  try {
    const { code } = await until(issuer, "code");
    receiver = new Wormhole(newReceiver({ appid: HONEST_APPID, code }), { url });
    await within("an honest exchange", Promise.all([talk(issuer, "issuer", "receiver"), talk(receiver, "receiver", "issuer")]));
  } finally {
    issuer.disconnect();
    receiver?.disconnect();
  }
}

async function talk(wormhole: Wormhole, own: string, other: string): Promise<void> {
  await until(wormhole, "verified");
  for (let i = 0; i < MESSAGES; i++) wormhole.send(encodeUtf8(`${own} ${i}`));
  for (let i = 0; i < MESSAGES; i++) {
    const { plaintext } = await until(wormhole, "message");
    assert.equal(Buffer.from(plaintext).toString(), `${other} ${i}`);
  }
  await wormhole.close("happy");
  assert(wormhole.state.isClosed && wormhole.state.isReleased, "the server did not let go");
}

/** The next event of a type; others before it are dropped. */
async function until<Type extends WormholeEvent["type"]>(wormhole: Wormhole, type: Type): Promise<WormholeEvent & { readonly type: Type }> {
  for (;;) {
    const event = await wormhole.next(Date.now() + HANG_MS);
    if (event === "timeout") throw new Error(`an honest side waits for ${type}`);
    if (event.type === type) return event as WormholeEvent & { readonly type: Type };
    if (event.type === "ended") throw new Error(`an honest side ended: ${event.reason}, ${event.detail ?? ""}`);
  }
}
