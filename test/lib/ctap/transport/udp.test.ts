import { createSocket, type Socket } from "node:dgram";
import t, { type Test } from "tap";
import { openUdp, type UdpAddress } from "../../../../src/lib/ctap/transport/udp.ts";
import type { Transport } from "../../../../src/lib/ctap/transport/transport.ts";
import { errorCodeOf } from "../../errors.ts";

const SIGNAL = AbortSignal.timeout(60_000);

const REPORT = Uint8Array.from({ length: 64 }, (_, i) => i);

async function bound(t: Test, port = 0, host = "127.0.0.1"): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.bind(port, host, resolve);
  });
  t.teardown(() => socket.close());
  return socket;
}

async function open(t: Test, address: UdpAddress): Promise<Transport> {
  const transport = await openUdp(address);
  t.teardown(() => transport.close());
  return transport;
}

/** A free port, as nobody else asks for it so soon. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => void socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => void socket.close(resolve));
  return port;
}

t.test("a card that answers to where reports come from", async (t) => {
  const card = await bound(t);
  const { port } = card.address();
  card.on("message", (report, peer) => {
    t.same(Uint8Array.from(report), REPORT, "a datagram is one bare report");
    card.send(report.map((byte) => byte ^ 1), peer.port, peer.address);
  });
  const transport = await open(t, { host: "127.0.0.1", port });
  t.equal(transport.name, `udp:127.0.0.1:${port}`);
  await transport.send(REPORT);
  t.same(await transport.receive(SIGNAL), REPORT.map((byte) => byte ^ 1));
});

t.test("a card that answers to a port of its own choice", async (t) => {
  const [card, relay] = [await bound(t), await bound(t)];
  const { port } = card.address();
  const replyPort = await freePort();
  card.on("message", (report) => card.send(report, replyPort, "127.0.0.1"));
  const transport = await open(t, { host: "127.0.0.1", port, replyPort });
  t.equal(transport.name, `udp:127.0.0.1:${port},${replyPort}`);
  await transport.send(REPORT);
  t.same(await transport.receive(SIGNAL), REPORT);
  relay.send(REPORT.with(0, 9), replyPort, "127.0.0.1");
  t.same(await transport.receive(SIGNAL), REPORT.with(0, 9), "from another port of its host, as a relay does");
});

t.test("nobody else is listened to", async (t) => {
  const [card, stranger, neighbour] = [await bound(t), await bound(t, 0, "127.0.0.2"), await bound(t)];
  const { port } = card.address();
  const replyPort = await freePort();
  card.on("message", (report, peer) => {
    const evil = REPORT.with(0, 66);
    stranger.send(evil, replyPort, "127.0.0.1", () => {
      neighbour.send(evil, peer.port, peer.address, () => card.send(report, replyPort, "127.0.0.1"));
    });
  });
  const transport = await open(t, { host: "127.0.0.1", port, replyPort });
  await transport.send(REPORT);
  t.same(await transport.receive(SIGNAL), REPORT, "neither another host nor, at the port of our own, another port");
});

t.test("IPv6", async (t) => {
  const card = createSocket("udp6");
  await new Promise<void>((resolve, reject) => {
    card.on("error", reject);
    card.bind(0, "::1", resolve);
  });
  t.teardown(() => card.close());
  card.on("message", (report, peer) => card.send(report, peer.port, peer.address));
  const transport = await open(t, { host: "::1", port: card.address().port });
  t.match(transport.name, /^udp:\[::1\]:\d+$/);
  await transport.send(REPORT);
  t.same(await transport.receive(SIGNAL), REPORT);
});

t.test("where nobody listens, that is known at once", async (t) => {
  const transport = await open(t, { host: "localhost", port: await freePort() });
  const received = errorCodeOf(transport.receive(SIGNAL));
  await transport.send(REPORT);
  t.equal(await received, "CTAP_UNREACHABLE");
  t.equal(await errorCodeOf(transport.receive(SIGNAL)), "CTAP_UNREACHABLE");
});

t.test("a card that was there and went", async (t) => {
  const card = createSocket("udp4");
  await new Promise<void>((resolve) => void card.bind(0, "127.0.0.1", resolve));
  card.on("message", (report, { port }) => card.send(report, port, "127.0.0.1", () => card.close()));
  const closed = new Promise<void>((resolve) => void card.on("close", resolve));
  const transport = await open(t, { host: "127.0.0.1", port: card.address().port });
  await transport.send(REPORT);
  await transport.receive(SIGNAL);
  await closed;
  const received = errorCodeOf(transport.receive(SIGNAL));
  await transport.send(REPORT);
  t.equal(await received, "CTAP_DEVICE_LOST");
});

t.test("a reply port that is taken", async (t) => {
  const other = await bound(t);
  const address = { host: "127.0.0.1", port: await freePort(), replyPort: other.address().port };
  t.equal(await errorCodeOf(openUdp(address)), "CTAP_PORT");
});

t.test("a host that has no address", async (t) => {
  t.equal(await errorCodeOf(openUdp({ host: "no-such-host.invalid", port: 1 })), "CTAP_UNREACHABLE");
});

t.test("after close", async (t) => {
  const transport = await openUdp({ host: "127.0.0.1", port: await freePort() });
  const received = errorCodeOf(transport.receive(SIGNAL));
  await transport.close();
  await transport.close();
  t.equal(await received, "CTAP_DEVICE_LOST");
  t.equal(await errorCodeOf(transport.send(REPORT)), "CTAP_DEVICE_LOST");
});
