import { isDeepStrictEqual } from "node:util";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import type { ClientMessage } from "../../../src/lib/wormhole/client-message.ts";
import { step, type MachineEvent } from "../../../src/lib/wormhole/machine.ts";
import { parseServerMessage } from "../../../src/lib/wormhole/server-message.ts";
import { encodeState, parseState } from "../../../src/lib/wormhole/state-text.ts";
import type { StoredEvent, WormholeState } from "../../../src/lib/wormhole/state.ts";
import type { Effect } from "../../../src/lib/wormhole/turn.ts";

export const APPID = "lothar.com/wormhole/text-or-file-xfer";

/** Bytes that are the same each time, so that two machines that start alike stay alike. */
export function countingRandom(seed = 1): (length: number) => Uint8Array {
  let next = seed;
  return (length) => Uint8Array.from({ length }, () => (next = (next * 1103515245 + 12345) & 0x7fffffff) >> 16);
}

/**
 * One machine. After every step its state is written down and read back; what
 * goes on with it, and a twin that keeps what it had in memory, must do the same.
 */
export class Player {
  state: WormholeState;
  #twin: WormholeState;
  now = 1_000_000;
  random = countingRandom();
  /** What the machine wanted done in the last step. */
  effects: readonly Effect[] = [];

  constructor(state: WormholeState) {
    this.state = parseState(encodeState(state));
    this.#twin = state;
  }

  /** @returns what it says to the server */
  do(event: MachineEvent): readonly ClientMessage[] {
    const bytes: Uint8Array[] = [];
    const context = { now: this.now, random: (length: number) => (bytes.push(this.random(length)), bytes.at(-1)!) };
    const { state, effects } = step(this.state, event, context);
    const twin = step(this.#twin, event, { now: this.now, random: () => bytes.shift()! });
    if (!isDeepStrictEqual(twin, { state, effects })) throw new Error("what was written down goes on otherwise than what was kept");
    this.#twin = twin.state;
    this.state = parseState(encodeState(state));
    this.effects = effects;
    return effects.flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
  }

  hear(message: object): readonly ClientMessage[] {
    return this.do({ type: "received", message: parseServerMessage(JSON.stringify(message)) });
  }

  /** Connects, is welcomed, and binds. */
  connect(welcome: object = {}): readonly ClientMessage[] {
    this.do({ type: "connected" });
    return this.hear({ type: "welcome", welcome });
  }

  send(text: string): readonly ClientMessage[] {
    return this.do({ type: "send", plaintext: encodeUtf8(text) });
  }

  /** Takes all events that wait. */
  events(): readonly StoredEvent[] {
    const { events } = this.state;
    while (this.state.events.length > 0) this.do({ type: "taken" });
    return events;
  }
}

export function typesOf(messages: readonly { readonly type: string; readonly phase?: string }[]): readonly string[] {
  return messages.map(({ type, phase }) => (phase === undefined ? type : `${type} ${phase}`));
}
