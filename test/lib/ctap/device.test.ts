import t, { type Test } from "tap";
import { CtapDevice, type DeviceOptions, type Keepalive, type Stray, type TransactOptions } from "../../../src/lib/ctap/device.ts";
import { encodeMessage, HID_COMMAND, MAX_MESSAGE_LENGTH } from "../../../src/lib/ctap/packet.ts";
import { memoryPair } from "../../../src/lib/ctap/transport/memory.ts";
import type { Transport } from "../../../src/lib/ctap/transport/transport.ts";
import { BAD_CARDS } from "../../support/bad-cards.ts";
import { answer, CHANNEL, good, goodBut, hidError, initResponse, keepalive, receiver, scriptedTransport, type Request, type Script, type Wire } from "../../support/hid-card.ts";
import { errorCodeOf } from "../errors.ts";

const { init, ping, cbor, msg, cancel } = HID_COMMAND;

/** Long enough for a busy machine; a card in memory answers at once or not at all. */
const SILENCE_MS = 300;

async function open(t: Test, script: Script, options: DeviceOptions = {}): Promise<CtapDevice> {
  const device = await CtapDevice.open(scriptedTransport(script), { initTimeoutMs: SILENCE_MS, ...options });
  t.teardown(() => device.close());
  return device;
}

function transact(device: CtapDevice, command: number, options: TransactOptions = {}, payload = Uint8Array.of(4)): Promise<Uint8Array> {
  return device.transact(command, payload, { silenceMs: SILENCE_MS, ...options });
}

const data = (text: string): Uint8Array => new TextEncoder().encode(text);

t.jobs = 8;

t.test("a good card", async (t) => {
  const device = await open(t, good);
  t.equal(device.transport.name, "memory:");
  t.match(device.init, { channel: CHANNEL, protocolVersion: 2, deviceVersion: [1, 2, 3], capabilities: { wink: true, cbor: true, msg: true } });
  for (const length of [0, 1, 57, 58, 1000, MAX_MESSAGE_LENGTH]) {
    const payload = Uint8Array.from({ length }, (_, i) => i);
    t.same(await transact(device, ping, {}, payload), payload, `${length} bytes there and back`);
  }
  t.equal(await errorCodeOf(transact(device, ping, {}, new Uint8Array(MAX_MESSAGE_LENGTH + 1))), "CTAP_MESSAGE_LENGTH");
  t.same(await transact(device, ping), Uint8Array.of(4), "is still usable");
});

/** What becomes of a getInfo, or else of a PING, with each bad card. */
const OUTCOMES: Readonly<Record<string, readonly [init: string | undefined, ping?: string | undefined, cbor?: string]>> = {
  mute: ["CTAP_NO_ANSWER"],
  "half-mute": [undefined, "CTAP_NO_ANSWER", "CTAP_NO_ANSWER"],
  "deaf to the first INIT": [undefined],
  "slow to answer INIT": ["CTAP_NO_ANSWER"],
  babbling: [undefined],
  "talking to others alone": ["CTAP_NO_ANSWER"],
  "busy at INIT": ["CTAP1_ERR_CHANNEL_BUSY"],
  "busy on another channel": [undefined, "CTAP1_ERR_CHANNEL_BUSY", "CTAP1_ERR_CHANNEL_BUSY"],
  "in keepalives for ever": [undefined, undefined, "CTAP_KEEPALIVE_FOREVER"],
  "waiting for a touch for ever": [undefined, undefined, "CTAP_USER_TIMEOUT"],
  "dead in the middle of an answer": [undefined, undefined, "CTAP_INCOMPLETE"],
  "saying everything twice": [undefined],
  "sending every packet twice": [undefined],
  "answering with a wrong nonce": ["CTAP_NO_ANSWER"],
  "answering INIT on the new channel": ["CTAP_NO_ANSWER"],
  "answering PING on another channel": [undefined, "CTAP_NO_ANSWER"],
  "giving a reserved channel": ["CTAP_INIT"],
  "giving half an answer to INIT": ["CTAP_INIT"],
  "refusing INIT": ["CTAP1_ERR_OTHER"],
  "answering with a wrong command": [undefined, "CTAP_COMMAND"],
  "counting packets wrong": [undefined, "CTAP_SEQUENCE"],
  "announcing more than fits a message": [undefined, "CTAP_MESSAGE_LENGTH"],
  "sending short reports": [undefined, "CTAP_REPORT_LENGTH"],
  "behind Qubes' proxy": [undefined, undefined, "CTAP_QUBES"],
  "refusing PING": [undefined, "CTAP1_ERR_INVALID_COMMAND"],
  "gone at the first PING": [undefined, "CTAP_DEVICE_LOST"],
  "gone in the middle of getInfo": [undefined, undefined, "CTAP_DEVICE_LOST"],
};

/** What the person's time ends is not to end as silence, where a busy machine holds back keepalives. */
function waitFor(code: string | undefined): TransactOptions {
  const isKeptAlive = code === "CTAP_KEEPALIVE_FOREVER" || code === "CTAP_USER_TIMEOUT";
  return { timeoutMs: 4 * SILENCE_MS, silenceMs: isKeptAlive ? 20 * SILENCE_MS : SILENCE_MS };
}

for (const [name, [ofInit, ofPing, ofCbor]] of Object.entries(OUTCOMES)) {
  t.test(`a card ${name}`, { buffered: true }, async (t) => {
    const opened = CtapDevice.open(scriptedTransport(BAD_CARDS[name]!.script()), { initTimeoutMs: SILENCE_MS });
    t.equal(await errorCodeOf(opened), ofInit, "INIT");
    if (ofInit !== undefined) return;
    const device = await opened;
    t.equal(await errorCodeOf(transact(device, ping, {}, new Uint8Array(100))), ofPing, "PING");
    if (ofPing === undefined || ofCbor !== undefined) t.equal(await errorCodeOf(transact(device, cbor, waitFor(ofCbor))), ofCbor, "getInfo");
    await device.close();
  });
}

t.test("after a failed INIT the transport is closed", async (t) => {
  const { transport, card } = memoryPair();
  card.onReport = receiver((request, wire) => hidError(request, wire, 0x7f), card);
  t.equal(await errorCodeOf(CtapDevice.open(transport)), "CTAP1_ERR_OTHER");
  t.equal(await errorCodeOf(transport.send(new Uint8Array(64))), "CTAP_DEVICE_LOST");
});

t.test("INIT has a nonce of its own in each attempt", async (t) => {
  const nonces: Uint8Array[] = [];
  const opened = CtapDevice.open(scriptedTransport(({ data }) => void nonces.push(data)), { initTimeoutMs: 30, initAttempts: 3 });
  t.match(await opened.catch((error: unknown) => error), { code: "CTAP_NO_ANSWER", message: "card did not send an answer to INIT within 0.09 s" });
  t.equal(new Set(nonces.map((nonce) => nonce.join())).size, 3);
  t.ok(nonces.every(({ length }) => length === 8));
});

t.test("the answer to an attempt before is not taken", async (t) => {
  const strays: Stray[] = [];
  let before: Request | undefined;
  const script: Script = (request, wire) => {
    if (before !== undefined) {
      good(before, wire);
      good(request, wire);
    }
    before = request;
  };
  await open(t, script, { onStray: (stray) => strays.push(stray), initTimeoutMs: 50 });
  t.same(strays.map(({ kind }) => kind), ["nonce"]);
});

t.test("a signal ends the wait for INIT", async (t) => {
  const controller = new AbortController();
  const opened = CtapDevice.open(scriptedTransport(() => controller.abort(new Error("enough"))), { signal: controller.signal });
  await t.rejects(opened, { message: "enough" });
});

/** A card that asks for a touch, and on CANCEL says that it was cancelled. */
function touchCard(cancelled: () => void, onAsk: () => void): Script {
  let waiting: Request | undefined;
  return (request, wire) => {
    if (request.command === cbor) {
      waiting = request;
      keepalive(request, wire, 2);
      onAsk();
    } else if (request.command === cancel) {
      cancelled();
      if (waiting !== undefined) answer(waiting, wire, Uint8Array.of(0x2d));
      waiting = undefined;
    } else good(request, wire);
  };
}

t.test("an aborted request is cancelled on the card, which can be used again at once", async (t) => {
  const controller = new AbortController();
  let cancels = 0;
  const device = await open(t, touchCard(() => (cancels += 1), () => controller.abort(new Error("enough"))));
  await t.rejects(transact(device, cbor, { signal: controller.signal }), { message: "enough" });
  t.equal(cancels, 1);
  t.same(await transact(device, ping), Uint8Array.of(4), "nothing is left of the cancelled one");
  await t.rejects(transact(device, cbor, { signal: controller.signal }), { message: "enough" });
  t.equal(cancels, 1, "what was aborted before is never sent");
});

t.test("when the person's time is over, the request is cancelled on the card", async (t) => {
  let cancels = 0;
  const device = await open(t, touchCard(() => (cancels += 1), () => undefined));
  t.match(await transact(device, cbor, { timeoutMs: 50 }).catch((error: unknown) => error), { code: "CTAP_USER_TIMEOUT", kind: "no", message: "card was not touched within 0.05 s" });
  t.equal(cancels, 1);
});

t.test("a card that does not heed CANCEL is given up", async (t) => {
  const device = await open(t, goodBut([cbor, (request, wire) => keepalive(request, wire, 2)], [cancel, () => undefined]));
  t.equal(await errorCodeOf(transact(device, cbor, { timeoutMs: 50 })), "CTAP_USER_TIMEOUT");
});

t.test("MSG and PING are not cancelled, as no card would heed it", async (t) => {
  const seen: number[] = [];
  const device = await open(t, (request, wire) => {
    seen.push(request.command);
    if (request.command === init) good(request, wire);
    else keepalive(request, wire, 1);
  });
  t.equal(await errorCodeOf(transact(device, msg, { timeoutMs: 40 })), "CTAP_KEEPALIVE_FOREVER");
  t.same(seen, [init, msg]);
});

t.test("a touch at the last moment counts", async (t) => {
  let waiting: Request | undefined;
  const device = await open(t, (request, wire) => {
    if (request.command === cbor) {
      waiting = request;
      keepalive(request, wire, 2);
    } else if (request.command === cancel && waiting !== undefined) answer(waiting, wire, Uint8Array.of(0, ...data("touched")));
    else good(request, wire);
  });
  t.same(await transact(device, cbor, { timeoutMs: 50 }), Uint8Array.of(0, ...data("touched")), "CANCEL came too late");
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 30);
  await t.rejects(transact(device, cbor, { signal: controller.signal }), { message: "enough" }, "but who has gone does not get it");
});

t.test("each keepalive begins the wait for the card anew", async (t) => {
  const heard: Keepalive[] = [];
  const device = await open(
    t,
    goodBut([
      cbor,
      (request, wire) => {
        [1, 2, 9, 1].forEach((status, i) => setTimeout(() => keepalive(request, wire, status), (i + 1) * 0.6 * SILENCE_MS));
        setTimeout(() => answer(request, wire, Uint8Array.of(0)), 3 * SILENCE_MS);
      },
    ]),
  );
  t.same(await transact(device, cbor, { onKeepalive: (status) => heard.push(status) }), Uint8Array.of(0));
  t.same(heard, ["processing", "up-needed", "unknown", "processing"]);
});

t.test("while the card is busy with another channel, the request is sent again", async (t) => {
  let left = 2;
  const device = await open(t, goodBut([ping, (request, wire) => (left-- > 0 ? hidError(request, wire, 0x06) : good(request, wire))]));
  t.same(await transact(device, ping, { silenceMs: 5000 }), Uint8Array.of(4));
  t.equal(left, -1);
  let tries = 0;
  const busy = await open(
    t,
    goodBut([
      ping,
      (request, wire) => {
        tries += 1;
        hidError(request, wire, 0x06);
      },
    ]),
  );
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await t.rejects(transact(busy, ping, { signal: controller.signal, silenceMs: 5000 }), { message: "enough" }, "unless the wait is aborted");
  t.equal(tries, 1);
});

t.test("any other error of CTAPHID is thrown at once", async (t) => {
  const codes: readonly (readonly [number, string])[] = [
    [0x01, "CTAP1_ERR_INVALID_COMMAND"],
    [0x03, "CTAP1_ERR_INVALID_LENGTH"],
    [0x0a, "CTAP1_ERR_LOCK_REQUIRED"],
    [0x0b, "CTAP1_ERR_INVALID_CHANNEL"],
  ];
  for (const [byte, code] of codes) {
    const device = await open(t, goodBut([ping, (request, wire) => hidError(request, wire, byte)]));
    t.equal(await errorCodeOf(transact(device, ping)), code);
  }
  const silent = await open(t, goodBut([ping, (request, wire) => answer(request, wire, new Uint8Array(), HID_COMMAND.error)]));
  t.equal(await errorCodeOf(transact(silent, ping)), "CTAP1_ERR_OTHER", "one that does not say which");
});

t.test("other programs' packets are passed by, and told of", async (t) => {
  const strays: Stray[] = [];
  const other = (wire: Wire): void => {
    for (const report of encodeMessage(0x99, cbor, new Uint8Array(80))) wire.send(report);
  };
  const device = await open(
    t,
    (request, wire) => {
      other(wire);
      good(request, wire);
    },
    { onStray: (stray) => strays.push(stray) },
  );
  t.same(await transact(device, ping), Uint8Array.of(4));
  t.same(strays.map(({ kind, packet }) => [kind, packet.channel, packet.type]), Array.from({ length: 2 }, () => [["channel", 0x99, "init"], ["channel", 0x99, "continuation"]]).flat());
});

t.test("an INIT of another program is answered on the same channel, and not to us", async (t) => {
  const strays: Stray[] = [];
  const script: Script = (request, wire) => {
    if (request.command === init) answer(request, wire, initResponse({ ...request, data: new Uint8Array(8) }, 0x55));
    good(request, wire);
  };
  const device = await open(t, script, { onStray: (stray) => strays.push(stray) });
  t.equal(device.init.channel, CHANNEL);
  t.same(strays.map(({ kind }) => kind), ["nonce"]);
});

t.test("what came before a request is not its answer", async (t) => {
  const strays: Stray[] = [];
  const { transport, card } = memoryPair();
  card.onReport = receiver(good, card);
  const device = await CtapDevice.open(transport, { onStray: (stray) => strays.push(stray) });
  t.teardown(() => device.close());
  for (const report of encodeMessage(CHANNEL, ping, data("stale"))) card.send(report);
  await new Promise(setImmediate);
  t.same(await transact(device, ping), Uint8Array.of(4));
  t.same(strays.map(({ kind }) => kind), ["late"]);
});

t.test("an answer that comes again is not taken for another one", async (t) => {
  const strays: Stray[] = [];
  let before: (() => void) | undefined;
  const script: Script = (request, wire) => {
    before?.();
    before = () => good(request, wire);
    good(request, wire);
  };
  const device = await open(t, script, { onStray: (stray) => strays.push(stray) });
  await transact(device, ping);
  t.same(await transact(device, msg), Uint8Array.of(...data("U2F_V2"), 0x90, 0x00));
  t.same(strays.map(({ kind }) => kind), ["channel", "late"], "that to INIT, that to PING");
});

t.test("requests at the same time wait for each other", async (t) => {
  const seen: string[] = [];
  const device = await open(
    t,
    goodBut([
      ping,
      (request, wire) => {
        seen.push(`ask ${request.data.join()}`);
        setTimeout(() => {
          seen.push(`answer ${request.data.join()}`);
          good(request, wire);
        }, 10);
      },
    ]),
  );
  const requests = [1, 2, 3].map((byte) => transact(device, ping, {}, Uint8Array.of(byte)));
  t.same(await Promise.all(requests), [1, 2, 3].map((byte) => Uint8Array.of(byte)));
  t.same(seen, ["ask 1", "answer 1", "ask 2", "answer 2", "ask 3", "answer 3"]);
});

t.test("a request that fails does not hold up the next one", async (t) => {
  let asked = 0;
  const device = await open(t, goodBut([ping, (request, wire) => (asked++ === 0 ? hidError(request, wire, 0x01) : good(request, wire))]));
  const [first, second] = await Promise.allSettled([transact(device, ping), transact(device, ping)]);
  t.same([first.status, second.status], ["rejected", "fulfilled"]);
});

t.test("Qubes' proxy, taken leniently", async (t) => {
  const script = goodBut([cbor, (request, wire) => answer(request, wire, data("ok"), msg)], [ping, (request, wire) => answer(request, wire, data("no"), msg)]);
  const device = await open(t, script, { lenient: true });
  t.same(await transact(device, cbor), data("ok"));
  t.equal(await errorCodeOf(transact(device, ping)), "CTAP_COMMAND", "in CBOR alone");
});

t.test("closing ends a wait", async (t) => {
  const device = await open(t, goodBut([ping, () => undefined]));
  const waiting = transact(device, ping, { silenceMs: 60_000 });
  await new Promise(setImmediate);
  const ended = errorCodeOf(waiting);
  await device.close();
  t.equal(await ended, "CTAP_DEVICE_LOST");
});

t.test("a packet that comes again is passed by, and a keepalive that comes again is one", async (t) => {
  const strays: Stray[] = [];
  const heard: Keepalive[] = [];
  const script: Script = (request, wire) => {
    if (request.command !== cbor) return good(request, wire);
    keepalive(request, wire, 1);
    keepalive(request, wire, 1);
    const send = (report: Uint8Array): void => [report, report].forEach((one) => wire.send(one));
    answer(request, { ...wire, send }, new Uint8Array(100));
  };
  const device = await open(t, script, { onStray: (stray) => strays.push(stray) });
  t.same(await transact(device, cbor, { onKeepalive: (status) => heard.push(status) }), new Uint8Array(100));
  t.same(heard, ["processing", "processing"]);
  t.same(await transact(device, ping), Uint8Array.of(4));
  t.same(strays.map(({ kind, packet }) => [kind, packet.type]), [["late", "init"], ["late", "continuation"]]);
});

t.test("the end of the answer before, which comes again within the next one's time", async (t) => {
  let last = new Uint8Array();
  const script: Script = (request, wire) => {
    if (request.command === msg) wire.send(last);
    const send = (report: Uint8Array): void => wire.send((last = Uint8Array.from(report)));
    good(request, { ...wire, send });
  };
  const device = await open(t, script);
  await transact(device, ping, {}, new Uint8Array(100));
  t.same(await transact(device, msg), Uint8Array.of(...data("U2F_V2"), 0x90, 0x00));
});

/** A device whose transport takes each report as told, once it is open; with how many it took. */
async function openSlow(t: Test, onSend: (sent: number) => Promise<void>): Promise<{ readonly device: CtapDevice; readonly sent: () => number }> {
  const transport = scriptedTransport(good);
  let sent = -1;
  const slow: Transport = {
    name: transport.name,
    send: (report) => (++sent === 0 ? transport.send(report) : onSend(sent)),
    receive: (signal) => transport.receive(signal),
    close: () => transport.close(),
  };
  const device = await CtapDevice.open(slow);
  t.teardown(() => device.close());
  return { device, sent: () => sent };
}

t.test("a card that takes its packets slowly does not hold us", async (t) => {
  const { device, sent } = await openSlow(t, () => new Promise((resolve) => setTimeout(resolve, 30)));
  const sending = transact(device, ping, { timeoutMs: 50 }, new Uint8Array(MAX_MESSAGE_LENGTH));
  t.match(await sending.catch((error: unknown) => error), { code: "CTAP_NO_ANSWER", message: "card did not take the request within 0.05 s" });
  t.ok(sent() <= 3, "of 129");
});

t.test("a signal ends the sending between two packets", async (t) => {
  const controller = new AbortController();
  const { device, sent } = await openSlow(t, async (count) => {
    if (count === 3) controller.abort(new Error("enough"));
    await Promise.resolve();
  });
  await t.rejects(transact(device, ping, { signal: controller.signal }, new Uint8Array(MAX_MESSAGE_LENGTH)), { message: "enough" });
  t.equal(sent(), 3);
});

t.test("the wait for CANCEL is no longer than that for the request", async (t) => {
  let waiting: Request | undefined;
  const device = await open(t, (request, wire) => {
    if (request.command === cbor) {
      waiting = request;
      keepalive(request, wire, 2);
    } else if (request.command !== cancel) good(request, wire);
    else setTimeout(() => answer(waiting ?? request, wire, Uint8Array.of(0)), 200);
  });
  t.equal(await errorCodeOf(transact(device, cbor, { timeoutMs: 50 })), "CTAP_USER_TIMEOUT");
});

t.test("only who asked for a touch was not touched", async (t) => {
  const device = await open(t, goodBut([cbor, (request, wire) => keepalive(request, wire, 9)], [cancel, () => undefined]));
  t.equal(await errorCodeOf(transact(device, cbor, { timeoutMs: 30 })), "CTAP_KEEPALIVE_FOREVER");
});
