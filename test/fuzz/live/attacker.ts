import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { connect } from "node:net";
import WebSocket from "ws";
import { parseFrame } from "../../../src/lib/wormhole/server/command.ts";
import { mutate } from "../mutate.ts";
import { mutateJson } from "../mutate-json.ts";
import type { Random } from "../random.ts";
import { CLIENT_FRAMES, HANDSHAKES } from "../wormhole-corpus.ts";
import { HONEST_APPID } from "./honest.ts";
import { isOneIn, within } from "./live.ts";
import { MAX_MESSAGE } from "./mailbox-limits.ts";

const BATCHES = 5;
const BATCH = 60;

export interface Attack {
  /** Malformed frames that were answered, each by an error. */
  readonly malformed: number;
  readonly slowestMs: number;
}

/** One connection from its beginning to one of many ends. */
export async function attack(url: string, random: Random): Promise<Attack> {
  if (isOneIn(random, 20)) {
    await knock(new URL(url), random);
    return { malformed: 0, slowestMs: 0 };
  }
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const frames: unknown[] = [];
  let wake: () => void = () => undefined;
  socket.on("message", (data: Buffer) => {
    frames.push(JSON.parse(data.toString()));
    wake();
  });
  socket.on("close", () => wake());
  await within("connecting", once(socket, "open"));
  socket.on("error", () => undefined);
  // Beside the honest ones, an attacker says nothing that is a command: it could be meant.
  const isAmongHonest = isOneIn(random, 2);
  if (isAmongHonest) socket.send(JSON.stringify({ type: "bind", appid: HONEST_APPID, side: `attacker${random.next()}` }));
  let malformed = 0;
  let slowestMs = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    const begin = performance.now();
    const expected = sendBatch(socket, random, isAmongHonest, `sync ${batch}`);
    const errors = await within("a batch of malformed frames", answers(`sync ${batch}`));
    assert(errors >= expected, `${expected} malformed frames were answered by ${errors} errors`);
    malformed += expected;
    slowestMs = Math.max(slowestMs, performance.now() - begin);
  }
  await within("the end of a connection", end(socket, random));
  return { malformed, slowestMs };

  /** @returns how many errors came up to the answer of that ping */
  async function answers(ping: string): Promise<number> {
    let errors = 0;
    for (;;) {
      for (const frame of frames.splice(0) as readonly { readonly type: string; readonly pong?: unknown }[]) {
        if (frame.type === "error") errors += 1;
        if (frame.type === "pong" && frame.pong === ping) return errors;
      }
      assert.equal(socket.readyState, WebSocket.OPEN, "the server hung up");
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
}

/** @returns how many of them are no commands */
function sendBatch(socket: WebSocket, random: Random, isQuiet: boolean, ping: string): number {
  let malformed = 0;
  for (let i = 0; i < BATCH; i++) {
    const bytes = mutateJson(random, CLIENT_FRAMES);
    if (isOneIn(random, 30)) {
      socket.send(bytes, { binary: true });
      malformed += 1;
      continue;
    }
    const text = Buffer.from(bytes).toString();
    const isMalformed = isNoCommand(text);
    if (isQuiet && !isMalformed) continue;
    socket.send(text);
    if (isMalformed) malformed += 1;
  }
  socket.send(JSON.stringify({ type: "ping", ping }));
  return malformed;
}

function isNoCommand(text: string): boolean {
  const { type } = parseFrame(text).command;
  return type === "malformed" || type === "invalid" || type === "unknown";
}

async function end(socket: WebSocket, random: Random): Promise<void> {
  const closed = once(socket, "close") as Promise<[number]>;
  switch (random.below(6)) {
    case 0:
      socket.close();
      break;
    case 1: {
      socket.send("x".repeat(MAX_MESSAGE + 1 + random.below(MAX_MESSAGE)));
      const [code] = await closed;
      // Whoever hangs up first may be seen before the reason.
      assert([1009, 1006].includes(code), `a frame that is too long was answered by ${code}`);
      return;
    }
    case 2: {
      socket.send(noUtf8(random), { binary: false });
      const [code] = await closed;
      assert([1007, 1006].includes(code), `text that is not UTF-8 was answered by ${code}`);
      return;
    }
    case 3:
      // In the middle of a frame.
      underlying(socket).write(Buffer.from([0x81, 0xfe, 0x40, 0x00, 1, 2, 3, 4, 5]));
      socket.terminate();
      break;
    case 4:
      underlying(socket).write(mutate(random, HANDSHAKES));
      underlying(socket).write(Buffer.from([0xff, 0x00]));
      break;
    default:
      socket.terminate();
  }
  await closed;
}

/** What ws keeps of TCP, where there is no other way to say something that is no frame. */
function underlying(socket: WebSocket): { write(bytes: Uint8Array): void } {
  return (socket as unknown as { readonly _socket: { write(bytes: Uint8Array): void } })._socket;
}

function noUtf8(random: Random): Buffer {
  const bytes = Buffer.concat([Buffer.from(mutateJson(random, CLIENT_FRAMES)), Buffer.from([0xff])]);
  assert(!isUtf8(bytes));
  return bytes;
}

/** Something on TCP that is no good handshake, and then hangs up. */
async function knock({ hostname, port, pathname }: URL, random: Random): Promise<void> {
  const good = `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  await within("connecting", once(socket, "connect"));
  socket.resume();
  socket.write(mutate(random, [Buffer.from(good)]));
  socket.write(mutate(random, HANDSHAKES));
  await new Promise((resolve) => setTimeout(resolve, random.below(20)));
  socket.destroy();
}
