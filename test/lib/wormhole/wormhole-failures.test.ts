import t, { type Test } from "tap";
import { verifyHashcash } from "../../../src/lib/wormhole/hashcash.ts";
import { Wormhole } from "../../../src/lib/wormhole/wormhole.ts";
import { goodMailbox, scriptedMailbox, tcpServer, webServer, WELCOME } from "../../support/scripted-mailbox.ts";
import { errorCode } from "../errors.ts";
import { CODE, issuerState, meets, QUICK, receiverState, until, wormhole } from "./driver.ts";

t.test("addresses", (t) => {
  for (const url of ["", "example.org", "http://example.org/v1", "wss://", "ws://user:secret@example.org/v1", "ws://example.org/v1#x", "ws+unix:///tmp/x", "localhost:4000"]) {
    t.equal(errorCode(() => new Wormhole(receiverState(), { url })), "USAGE_MAILBOX", url);
  }
  t.end();
});

t.test("nobody there", async (t) => {
  const url = await tcpServer(t, (socket) => socket.destroy());
  await meets(t, "nothing listens", "ws://127.0.0.1:1/v1", "WORMHOLE_CONNECT", /^nothing listens at 127\.0\.0\.1:1$/);
  await meets(t, "no such host", "ws://keyhole.invalid/v1", "WORMHOLE_CONNECT", /^(host keyhole\.invalid has no address|no name server says what the address of keyhole\.invalid is)$/);
  await meets(t, "hangs up at once", url, "WORMHOLE_CONNECT", /ended the connection$/);
  await meets(t, "says nothing", await tcpServer(t), "WORMHOLE_CONNECT", /did not answer within 0\.05 s$/, { connectTimeoutMs: 50 });
});

t.test("something else there", async (t) => {
  const page = (status: number, headers: Record<string, string> = {}): Promise<string> =>
    webServer(t, (_, response) => {
      response.writeHead(status, { "Content-Type": "text/html", ...headers });
      response.end("<html>");
    });
  await meets(t, "a web server", await page(200), "WORMHOLE_NOT_A_MAILBOX", /is no mailbox server: it answers HTTP 404$/);
  await meets(t, "says something else than HTTP", await tcpServer(t, (socket) => void socket.end("SSH-2.0-OpenSSH_9.2\r\n")), "WORMHOLE_NOT_A_MAILBOX", /is no mailbox server: it does not speak HTTP$/);
  for (const [status, code] of [[200, "WORMHOLE_NOT_A_MAILBOX"], [301, "WORMHOLE_NOT_A_MAILBOX"], [403, "WORMHOLE_NOT_A_MAILBOX"], [426, "WORMHOLE_NOT_A_MAILBOX"], [429, "WORMHOLE_CONNECT"], [502, "WORMHOLE_CONNECT"]] as const) {
    const url = await tcpServer(t, (socket) => void socket.end(`HTTP/1.1 ${status} X\r\nLocation: http://example.org/\r\nContent-Length: 0\r\n\r\n`));
    await meets(t, `HTTP ${status}`, url, code, new RegExp(`answers HTTP ${status}`));
  }
  const badHandshake = await tcpServer(t, (socket) => void socket.write("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n"));
  await meets(t, "a handshake of another kind", badHandshake, "WORMHOLE_NOT_A_MAILBOX", /does not speak WebSocket/);
});

t.test("a WebSocket server that is no mailbox server", async (t) => {
  for (const [name, frame, message] of [
    ["binary", Buffer.from(WELCOME), /sent a binary frame/],
    ["no JSON", "hello", /not a JSON object/],
    ["an array", "[]", /not a JSON object/],
    ["null", "null", /not a JSON object/],
    ["deep nesting", "[".repeat(50_000), /not a JSON object/],
    ["no type", "{}", /without a type/],
    ["another first message", JSON.stringify({ type: "claimed", mailbox: "m" }), /did not begin with a welcome/],
    ["a welcome without contents", JSON.stringify({ type: "welcome" }), /welcome that says nothing/],
    ["a frame of more than is taken", "x".repeat(2000), /longer frame than is taken/],
  ] as const) {
    const url = await scriptedMailbox(t, (socket) => socket.send(frame));
    await meets(t, name, url, "WORMHOLE_NOT_A_MAILBOX", message, { maxMessage: name.startsWith("a frame") ? 1000 : 100_000 });
  }
  const silent = await scriptedMailbox(t, () => undefined);
  await meets(t, "no welcome", silent, "WORMHOLE_CONNECT", /did not answer within 0\.05 s/, { connectTimeoutMs: 50 });
});

t.test("nonsense after the welcome ends it", async (t) => {
  for (const frame of ["[]", "null", "{", JSON.stringify({ type: "claimed" }), JSON.stringify({ type: "claimed", mailbox: 7 }), JSON.stringify({ type: "allocated", nameplate: "seven" }), JSON.stringify({ type: "allocated", nameplate: 7 })]) {
    const url = await scriptedMailbox(t, (socket) => {
      socket.send(WELCOME);
      socket.once("message", () => socket.send(frame));
    });
    const one = wormhole(t, issuerState(), { url, bounds: { ...QUICK, closeMs: 30 } });
    t.match(await until(one, "ended"), { reason: "server-error", detail: /^the server sent / }, frame);
    await one.close("errory");
  }
});

t.test("what no server of today says is skipped", async (t) => {
  const url = await scriptedMailbox(t, (socket) => {
    socket.send(JSON.stringify({ type: "welcome", welcome: { motd: 7, future: {} }, server_tx: 1 }));
    socket.send(JSON.stringify({ type: "prophecy" }));
    socket.send(JSON.stringify({ type: "message", side: 5, phase: {}, body: [] }));
    socket.on("message", () => socket.send(JSON.stringify({ type: "allocated", nameplate: "5" })));
  });
  const one = wormhole(t, issuerState(), { url, bounds: { ...QUICK, closeMs: 30 } });
  t.match(await one.next(), { type: "welcome", motd: "7" });
  while (one.state.nameplate === null) await one.next(Date.now() + 5);
  t.equal(one.state.nameplate, "5");
});

t.test("a server that owes an answer", (t) => {
  t.test("never gives any", async (t) => {
    const url = await scriptedMailbox(t, (socket) => socket.send(WELCOME));
    await meets(t, "mute after bind", url, "WORMHOLE_CONNECT", /owes an answer for 0\.05 s/, { bounds: { ...QUICK, answerMs: 50 } });
  });

  t.test("gives no more: another connection is tried", async (t) => {
    const mailbox = await goodMailbox(t);
    let isMute = true;
    mailbox.onCommand = async ({ type }) => {
      if (type === "open" && isMute) {
        isMute = false;
        await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
      }
      return true;
    };
    const one = wormhole(t, issuerState(CODE), { url: mailbox.url, bounds: { ...QUICK, answerMs: 50 } });
    while (one.state.outbox[0]?.isStored !== true) await one.next(Date.now() + 5);
    t.equal(mailbox.count, 2);
  });

  t.test("not even to pings: another connection is tried", async (t) => {
    const mailbox = await goodMailbox(t, { autoPong: false });
    const one = wormhole(t, issuerState(CODE), { url: mailbox.url, bounds: { ...QUICK, pingMs: 20, silenceMs: 60 } });
    while (mailbox.count < 3) await one.next(Date.now() + 5);
    await one.close("lonely");
  });
  t.end();
});

t.test("a server that hangs up", (t) => {
  t.test("after each welcome", async (t) => {
    let count = 0;
    const url = await scriptedMailbox(t, (socket) => {
      count += 1;
      socket.send(WELCOME);
      socket.close(1011);
    });
    await meets(t, "as long as connecting may take", url, "WORMHOLE_CONNECT", /ended the connection/, { connectTimeoutMs: 100 });
    t.ok(count > 1, "it is tried again");
  });

  t.test("after the first welcome", async (t) => {
    const mailbox = await goodMailbox(t);
    mailbox.onCommand = () => mailbox.count > 1;
    const one = wormhole(t, issuerState(), { url: mailbox.url });
    t.match(await until(one, "code"), { code: /^1-/ });
  });

  t.test("and is gone for ever", async (t) => {
    let isGone = false;
    const url = await scriptedMailbox(t, (socket) => {
      if (isGone) return socket.terminate();
      socket.send(WELCOME);
      socket.on("message", (data) => {
        const { type } = JSON.parse((data as Buffer).toString()) as { readonly type: string };
        if (type !== "claim") return;
        socket.send(JSON.stringify({ type: "claimed", mailbox: "m" }));
        isGone = true;
        setTimeout(() => socket.terminate(), 5);
      });
    });
    const one = wormhole(t, issuerState(CODE), { url, reconnectMs: 60 });
    t.match(await until(one, "ended"), { reason: "lost", detail: /ended the connection/ });
    t.equal(one.state.isFinished, true);
  });
  t.end();
});

t.test("at the door", async (t) => {
  const door = async (t: Test, welcome: object): Promise<string> => {
    const mailbox = await goodMailbox(t);
    mailbox.model.welcome = welcome;
    return mailbox.url;
  };
  await meets(t, "everybody is turned away", await door(t, { error: "come back\u001b[2J tomorrow" }), "WORMHOLE_UNWELCOME", /^mailbox server turns everybody away: come back\\x1b\[2J tomorrow$/);
  await meets(t, "an unknown permission", await door(t, { "permission-required": { passport: {} } }), "WORMHOLE_PERMISSION", /does not know/);
  await meets(t, "too much work", await door(t, { "permission-required": { hashcash: { bits: 60, resource: "r" } } }), "WORMHOLE_HASHCASH", /60 bits/);

  t.test("work", async (t) => {
    const mailbox = await goodMailbox(t);
    mailbox.model.welcome = { "permission-required": { hashcash: { bits: 10, resource: "mailbox" } } };
    const said: { readonly type: string; readonly stamp?: string; readonly method?: string }[] = [];
    mailbox.onCommand = (message) => {
      said.push(message);
      return true;
    };
    const one = wormhole(t, issuerState(CODE), { url: mailbox.url });
    while (one.state.mailbox === null) await one.next(Date.now() + 5);
    t.match(said[0], { type: "submit-permissions", method: "hashcash", stamp: /^1:10:[0-9]{6}:mailbox::[^:]+:[^:]+$/ });
    t.ok(verifyHashcash(said[0]!.stamp!, 10));
    t.equal(said[1]!.type, "bind");
  });

  t.test("reclaimed", async (t) => {
    const { url, model } = await goodMailbox(t);
    const state = receiverState();
    for (const side of ["aaaaaaaaaa", state.side]) model.claim("4", side);
    model.release("4", state.side);
    t.match(await until(wormhole(t, state, { url }), "ended"), { reason: "reclaimed" });
  });
});
