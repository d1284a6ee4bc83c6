import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodeUtf8 } from "../../src/lib/text.ts";
import { startDialog, type DialogEvent } from "../../src/lib/invite/formats/format.ts";
import { FORMATS } from "../../src/lib/invite/formats/formats.ts";
import { checkWords, parseCode } from "../../src/lib/wormhole/code.ts";
import { completeCode } from "../../src/lib/wormhole/completion.ts";
import { FrameReader, type Incoming } from "../../src/lib/wormhole/frame.ts";
import { refusal } from "../../src/lib/wormhole/handshake.ts";
import { step, type MachineEvent } from "../../src/lib/wormhole/machine.ts";
import { decryptBox } from "../../src/lib/wormhole/secretbox.ts";
import { parseServerMessage } from "../../src/lib/wormhole/server-message.ts";
import { parseFrame } from "../../src/lib/wormhole/server/command.ts";
import { finishPake } from "../../src/lib/wormhole/spake2.ts";
import { encodeState, parseState } from "../../src/lib/wormhole/state-text.ts";
import type { WormholeState } from "../../src/lib/wormhole/state.ts";
import { parseMailboxUrl } from "../../src/lib/wormhole/websocket.ts";
import { WormholeError } from "../../src/lib/errors.ts";
import { mutateJson, mutateLines } from "./mutate-json.ts";
import { expectRefusal, type Target } from "./target.ts";
import { bodyOf, CLIENT_FRAMES, CODES, CONVERSATIONS, HANDSHAKES, MAILBOX_URLS, PLAINTEXTS, PROOFS, RECEIVER, SENT_PLAINTEXTS, SERVER_BYTES, SERVER_FRAMES, STATES } from "./wormhole-corpus.ts";

export const WORMHOLE_TARGETS: readonly Target[] = [
  { name: "server message", count: 200_000, corpus: SERVER_FRAMES, mutate: mutateJson, run: serverMessage },
  { name: "client frame", count: 200_000, corpus: CLIENT_FRAMES, mutate: mutateJson, run: clientFrame },
  { name: "wormhole state", count: 50_000, corpus: STATES, mutate: mutateJson, run: wormholeState },
  { name: "wormhole machine", count: 3000, corpus: CONVERSATIONS, mutate: mutateLines, run: machine },
  { name: "key agreement", count: 2000, corpus: [Buffer.from(parsePake(), "hex")], run: pake },
  { name: "box", count: 20_000, corpus: [Buffer.from(bodyOf("version"), "hex"), Buffer.from(bodyOf("0"), "hex")], run: box },
  { name: "WebSocket frames", count: 100_000, corpus: SERVER_BYTES, run: frames },
  { name: "WebSocket handshake", count: 20_000, corpus: HANDSHAKES, run: handshake },
  { name: "code", count: 20_000, corpus: CODES, run: code },
  { name: "mailbox URL", count: 20_000, corpus: MAILBOX_URLS, run: (input) => void parseMailboxUrl(textOf(input)) },
  { name: "invite formats", count: 20_000, corpus: PLAINTEXTS, mutate: mutateJson, run: formats },
];

function textOf(input: Uint8Array): string {
  return Buffer.from(input).toString();
}

function serverMessage(input: Uint8Array): void {
  const message = parseServerMessage(textOf(input));
  if (message.type === "message") assert(message.body === undefined || /^(?:[0-9a-f]{2})*$/.test(message.body));
  if (message.type === "allocated") assert.match(message.nameplate, /^[0-9]{1,40}$/);
}

/** It never throws, and what it says of a frame can be sent back. */
function clientFrame(input: Uint8Array): void {
  try {
    const { command, orig } = parseFrame(textOf(input));
    JSON.stringify(orig);
    if (command.type === "claim") assert.match(command.nameplate, /^[0-9]{1,40}$/);
    if (command.type === "bind") assert(command.appid.length <= 256 && command.side.length <= 256);
  } catch (error) {
    assert.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

function wormholeState(input: Uint8Array): void {
  staysTheSame(parseState(textOf(input)));
}

/** As texts, in which -0 is 0. */
function staysTheSame(state: WormholeState): void {
  const text = encodeState(state);
  assert.equal(encodeState(parseState(text)), text);
}

/**
 * Whatever the server says, in whatever order: one pake, nothing for the other
 * side before it is verified, and no message but those that it sent.
 */
function machine(input: Uint8Array): void {
  let state = RECEIVER;
  const pakes = new Set<string>();
  let isProved = false;
  for (const line of textOf(input).split("\n").slice(0, 40)) {
    const event = eventOf(line, state);
    if (event === undefined) continue;
    isProved ||= event.type === "received" && event.message.type === "message" && PROOFS.has(event.message.body ?? "");
    const next = step(state, event, { now: 0, random: (length) => new Uint8Array(length) });
    state = next.state;
    staysTheSame(state);
    for (const effect of next.effects) {
      if (effect.type !== "send" || effect.message.type !== "add") continue;
      if (effect.message.phase === "pake") pakes.add(effect.message.body);
      else if (effect.message.phase !== "version") assert(isProved);
    }
    assert(isProved || !state.isVerified);
    assert(pakes.size <= 1);
    for (const told of state.events) {
      if (told.type === "message") assert.equal(Buffer.from(told.plaintext, "hex").toString(), SENT_PLAINTEXTS.get(String(told.index)));
    }
  }
}

/** Words beside frames say what else happens. */
function eventOf(line: string, state: WormholeState): MachineEvent | undefined {
  switch (line) {
    case "connected":
      return state.connection.stage === "none" ? { type: "connected" } : undefined;
    case "disconnected":
    case "tick":
    case "give-up":
      return { type: line };
    case "taken":
      return state.events.length > 0 ? { type: "taken" } : undefined;
    case "minted":
      return { type: "minted", stamp: "1:0:260131:r::x:0" };
    case "send":
      return state.isVerified ? { type: "send", plaintext: encodeUtf8("{}") } : undefined;
    case "close":
      return { type: "close", mood: "happy" };
  }
  try {
    return { type: "received", message: parseServerMessage(line) };
  } catch (error) {
    if (error instanceof WormholeError) return { type: "nonsense", detail: error.message };
    throw error;
  }
}

function parsePake(): string {
  return (JSON.parse(Buffer.from(bodyOf("pake"), "hex").toString()) as { readonly pake_v1: string }).pake_v1;
}

const OWN_PAKE = { scalar: Uint8Array.of(7, ...new Uint8Array(31)), message: Uint8Array.of(0x53, ...new Uint8Array(32)) };

function pake(input: Uint8Array): void {
  assert.equal(finishPake("4-purple-sausages", "fuzz", OWN_PAKE, input).length, 32);
}

/** No box but those of the vector opens. */
function box(input: Uint8Array): void {
  assert.equal(decryptBox(new Uint8Array(32), input), undefined);
}

/** The same messages come of the same bytes, however they are cut. */
function frames(input: Uint8Array): void {
  const outcomes = [input.length + 1, 1, 7].map((size) => {
    const reader = new FrameReader(1000);
    const messages: Incoming[] = [];
    let error: string | undefined;
    try {
      for (let at = 0; at < input.length; at += size) messages.push(...reader.push(input.subarray(at, at + size)));
    } catch (thrown) {
      if (!(thrown instanceof WormholeError)) throw thrown;
      error = thrown.message;
    }
    return { messages, error };
  });
  const [whole, ...cut] = outcomes;
  for (const { messages, error } of cut) {
    assert.equal(error, whole?.error);
    // What came before an error in the same piece is not given out.
    if (error === undefined) assert.deepEqual(messages, whole?.messages);
  }
}

function handshake(input: Uint8Array): void {
  const error = refusal(new URL("ws://127.0.0.1:4000/v1"), "dGhlIHNhbXBsZSBub25jZQ==", Buffer.from(input).toString("latin1"));
  if (error !== undefined) throw error;
}

function code(input: Uint8Array): void {
  const typed = textOf(input);
  for (const completed of completeCode(typed, ["7", "12", "77"])) assert(completed.length <= typed.length + 100);
  const parsed = parseCode(typed);
  assert.deepEqual(parseCode(parsed.text), parsed);
  assert.equal(parsed.text, `${parsed.nameplate}-${parsed.password}`);
  expectRefusal(() => checkWords(parsed));
}

/** Each format as sender and as receiver, before and after its first message. */
function formats(input: Uint8Array): void {
  const hash = createHash("sha256").update(input).digest();
  const message: DialogEvent = { type: "message", plaintext: input };
  const appVersions = ((): unknown => {
    try {
      return JSON.parse(textOf(input));
    } catch {
      return {};
    }
  })();
  for (const format of Object.values(FORMATS)) {
    for (const run of [format.accept, format.issue]) {
      let state = startDialog('{"a": 1}');
      for (const event of [{ type: "verified", appVersions: (hash[0] ?? 0) % 2 === 0 ? {} : appVersions }, message, message, { type: "stored", index: 0 }] as const) {
        expectRefusal(() => {
          const next = run(state, event);
          assert.deepEqual(JSON.parse(JSON.stringify(next.state)), next.state);
          for (const sent of next.send) assert(sent.length <= 4096 + 2 * input.length);
          state = next.state;
        });
      }
    }
  }
}
