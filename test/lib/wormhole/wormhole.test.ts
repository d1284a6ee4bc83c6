import t from "tap";
import { Interrupted } from "../../../src/lib/errors.ts";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { listNameplates } from "../../../src/lib/wormhole/list-nameplates.ts";
import { encodeState, parseState } from "../../../src/lib/wormhole/state-text.ts";
import type { WormholeState } from "../../../src/lib/wormhole/state.ts";
import type { WormholeEvent } from "../../../src/lib/wormhole/event.ts";
import { goodMailbox, scriptedMailbox, WELCOME } from "../../support/scripted-mailbox.ts";
import { errorCodeOf } from "../errors.ts";
import { CODE, issuerState, offer, QUICK, receiverState, take, text, until, wormhole } from "./driver.ts";
import { APPID } from "./player.ts";

/** What each side added, by phase; one body each, however often it came. */
function added(commands: readonly { readonly side: string; readonly type: string; readonly phase?: unknown; readonly body?: unknown }[]): ReadonlyMap<string, ReadonlySet<unknown>> {
  const bodies = new Map<string, Set<unknown>>();
  for (const { side, type, phase, body } of commands) {
    if (type !== "add") continue;
    const name = `${side} ${String(phase)}`;
    bodies.set(name, (bodies.get(name) ?? new Set()).add(body));
  }
  return bodies;
}

t.test("a whole exchange", async (t) => {
  const { url, model } = await goodMailbox(t);
  model.welcome = { motd: "be kind" };
  const issuer = wormhole(t, issuerState(), { url });
  t.same(await issuer.next(), { type: "welcome", motd: "be kind" });
  const { code } = await until(issuer, "code");
  t.match(code, /^1-[a-z]+-[a-z]+$/);
  t.equal(await issuer.next(Date.now() + 20), "timeout");
  const receiver = wormhole(t, receiverState(code), { url });
  const verifiers = await Promise.all([until(issuer, "verified"), until(receiver, "verified")]);
  t.same(verifiers[0].verifier, verifiers[1].verifier);
  t.equal(verifiers[0].verifier.length, 32);
  t.equal(issuer.send(encodeUtf8("one")), 0);
  t.equal(issuer.send(encodeUtf8("two")), 1);
  t.match([await until(issuer, "stored"), await until(issuer, "stored")], [{ index: 0 }, { index: 1 }]);
  t.match([await until(receiver, "message"), await until(receiver, "message")], [{ index: 0, plaintext: encodeUtf8("one") }, { index: 1, plaintext: encodeUtf8("two") }]);
  await Promise.all([issuer.close("happy"), receiver.close("happy")]);
  t.same(await issuer.next(), { type: "ended", reason: "closed" });
  t.same(await issuer.next(), { type: "ended", reason: "closed" }, "and nothing after it");
  t.same([model.nameplates.size, model.mailboxes.size], [0, 0], "nothing is left at the server");
  t.equal(issuer.state.isFinished, true);
});

t.test("nothing is sent before the other side is verified", async (t) => {
  const { url } = await goodMailbox(t);
  const one = wormhole(t, receiverState(), { url });
  t.throws(() => one.send(encodeUtf8("secret")), RangeError);
  await one.close("lonely");
});

t.test("a connection that is cut at any frame", async (t) => {
  // 8 or 9 frames of each side, in the order in which they come.
  for (let cut = 0; cut < 20; cut++) {
    const mailbox = await goodMailbox(t);
    let frames = 0;
    mailbox.onCommand = () => frames++ !== cut;
    const code = CODE;
    const [ack, message] = await Promise.all([offer(wormhole(t, issuerState(code), { url: mailbox.url }), "hello"), take(wormhole(t, receiverState(code), { url: mailbox.url }))]);
    t.same([ack, message], ["ok", "hello"], `cut at frame ${cut}`);
    const bodies = added(mailbox.model.commands);
    t.equal(bodies.size, 6, "two sides, three phases each");
    t.same([...bodies.values()].map(({ size }) => size), [1, 1, 1, 1, 1, 1], "the same bytes each time");
  }
});

t.test("connections that are cut and cut again, with states written down slowly", async (t) => {
  const mailbox = await goodMailbox(t);
  let frames = 0;
  mailbox.onCommand = () => ++frames % 7 !== 0;
  const connections: boolean[] = [];
  const save = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
  const issuer = wormhole(t, issuerState(CODE), { url: mailbox.url, save, onConnection: (is) => connections.push(is) });
  t.same(await Promise.all([offer(issuer, "hello"), take(wormhole(t, receiverState(), { url: mailbox.url, save }))]), ["ok", "hello"]);
  t.same([...added(mailbox.model.commands).values()].map(({ size }) => size), [1, 1, 1, 1, 1, 1]);
  t.same(connections.slice(0, 3), [true, false, true]);
});

t.test("what is sent has been written down before", async (t) => {
  const mailbox = await goodMailbox(t);
  const saved: WormholeState[] = [];
  const missing: string[] = [];
  let side = "";
  mailbox.onCommand = (message) => {
    const last = saved.at(-1);
    if (message.type === "bind" && message.side === side && last === undefined) missing.push("bind");
    if (message.type === "add" && ownPhases(mailbox.count) && !last?.outbox.some(({ phase }) => phase === message.phase)) missing.push(String(message.phase));
    return true;
  };
  // Only the one that writes down is connected while its frames are looked at.
  const ownPhases = (count: number): boolean => count === 1;
  const state = issuerState(CODE);
  side = state.side;
  const issuer = wormhole(t, state, {
    url: mailbox.url,
    save: async (state) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      saved.push(state);
    },
  });
  await until(issuer, "welcome");
  while (mailbox.model.commands.every(({ type }) => type !== "add")) await issuer.next(Date.now() + 10);
  t.same(missing, []);
  t.equal(saved[0]?.side, side);
  await issuer.close("lonely");
  t.equal(saved.at(-1)?.isFinished, true);
});

t.test("where a state cannot be written down, nothing that follows from it is sent", async (t) => {
  const mailbox = await goodMailbox(t);
  const issuer = wormhole(t, issuerState(CODE), {
    url: mailbox.url,
    save: ({ outbox }) => {
      if (outbox.length > 0) throw new Error("disk full");
    },
  });
  await t.rejects(until(issuer, "ended"), { message: "disk full" });
  t.notOk(mailbox.model.commands.some(({ type }) => type === "add" || type === "open"));
  await issuer.close("lonely");
});

t.test("another process goes on from any state that was written down", async (t) => {
  const rehearsal = await goodMailbox(t);
  const states: string[] = [];
  const issuer = wormhole(t, issuerState(CODE), { url: rehearsal.url, save: (state) => void states.push(encodeState(state)) });
  await Promise.all([offer(issuer, "hello"), take(wormhole(t, receiverState(), { url: rehearsal.url }))]);
  const count = states.length;
  t.ok(count > 8, `${count} states`);

  for (let death = 1; death < count; death++) {
    const { url, model } = await goodMailbox(t);
    const saved: string[] = [];
    const first = wormhole(t, issuerState(CODE), {
      url,
      save: (state) => {
        if (saved.length === death) throw new Error("the process dies");
        saved.push(encodeState(state));
      },
    });
    const receiver = take(wormhole(t, receiverState(), { url }));
    const sent = offer(first, "hello").then(
      () => "sent",
      () => "died",
    );
    // How many states there are depends on what comes together.
    const outcome = await sent;
    first.disconnect();
    const state = parseState(saved.at(-1)!);
    if (outcome === "died" && state.ending === null) {
      const second = wormhole(t, state, { url });
      // The application's own state would say whether it had sent its message.
      t.equal(await (state.isVerified && state.nextSend > 0 ? finish(second) : offerOrFinish(second, state)), "ok");
    } else {
      await wormhole(t, state, { url }).close("happy");
    }
    t.equal(await receiver, "hello", `after state ${death}`);
    t.ok([...added(model.commands).values()].every(({ size }) => size === 1), "the same bytes from both processes");
    t.same([model.nameplates.size, model.mailboxes.size], [0, 0]);
  }

  async function finish(one: ReturnType<typeof wormhole>): Promise<string> {
    const { plaintext } = await until(one, "message");
    await one.close("happy");
    return text(plaintext);
  }

  async function offerOrFinish(one: ReturnType<typeof wormhole>, { isVerified, events }: WormholeState): Promise<string> {
    if (!isVerified || events.some(({ type }) => type === "verified")) return offer(one, "hello");
    one.send(encodeUtf8("hello"));
    return finish(one);
  }
});

t.test("an event that was not seen to the end comes again to another process", async (t) => {
  const { url } = await goodMailbox(t);
  const saved: WormholeState[] = [];
  const issuer = wormhole(t, issuerState(CODE), { url, save: (state) => void saved.push(state) });
  const receiver = wormhole(t, receiverState(), { url });
  await until(receiver, "verified");
  receiver.send(encodeUtf8("only once"));
  await until(issuer, "message");
  issuer.disconnect();
  const again = wormhole(t, saved.at(-1)!, { url });
  t.match(await until(again, "message"), { index: 0, plaintext: encodeUtf8("only once") });
});

t.test("a server that has lost its database", async (t) => {
  const mailbox = await goodMailbox(t);
  const issuer = wormhole(t, issuerState(), { url: mailbox.url });
  const { code } = await until(issuer, "code");
  while (issuer.state.outbox[0]?.isStored !== true) await issuer.next(Date.now() + 5);
  mailbox.model.forget();
  mailbox.cut();
  t.match(await until(issuer, "ended"), { reason: "lost" });
  await issuer.close("errory");
  const { commands } = mailbox.model;
  t.equal(commands.filter(({ type }) => type === "claim").length, 1, `${code} is not claimed again`);
  t.equal(mailbox.model.mailboxes.size, 0);
});

t.test("a server that restarts with its database", async (t) => {
  const mailbox = await goodMailbox(t);
  const issuer = wormhole(t, issuerState(), { url: mailbox.url });
  const { code } = await until(issuer, "code");
  mailbox.cut();
  t.same(await Promise.all([offer(issuer, "hello"), take(wormhole(t, receiverState(code), { url: mailbox.url }))]), ["ok", "hello"]);
});

t.test("a slow server", async (t) => {
  const mailbox = await goodMailbox(t);
  mailbox.onCommand = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return true;
  };
  t.same(await Promise.all([offer(wormhole(t, issuerState(CODE), { url: mailbox.url }), "hello"), take(wormhole(t, receiverState(), { url: mailbox.url }))]), ["ok", "hello"]);
});

t.test("a megabyte", async (t) => {
  const mailbox = await goodMailbox(t);
  const large = "x".repeat(1_000_000);
  const [, message] = await Promise.all([offer(wormhole(t, issuerState(CODE), { url: mailbox.url }), large), take(wormhole(t, receiverState(), { url: mailbox.url }))]);
  t.ok(message === large);
});

t.test("how it ends", (t) => {
  t.test("a wrong guess", async (t) => {
    const { url, model } = await goodMailbox(t);
    const both = [wormhole(t, issuerState(CODE), { url }), wormhole(t, receiverState("4-wrong-guess"), { url })];
    for (const one of both) t.match(await until(one, "ended"), { reason: "wrong-guess" });
    await Promise.all(both.map((one) => one.close("happy")));
    t.same(model.commands.filter(({ type }) => type === "close").map(({ mood }) => mood), ["scary", "scary"]);
    t.same([model.nameplates.size, model.mailboxes.size], [0, 0]);
  });

  t.test("lets go by itself, and is bounded where nobody closes it", async (t) => {
    const mailbox = await goodMailbox(t);
    mailbox.onCommand = async ({ type }) => {
      if (type === "release") await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
      return true;
    };
    const one = wormhole(t, issuerState(CODE), { url: mailbox.url, bounds: { ...QUICK, closeMs: 50 } });
    wormhole(t, receiverState("4-wrong-guess"), { url: mailbox.url, bounds: { ...QUICK, closeMs: 50 } });
    await until(one, "ended");
    while (!one.state.isFinished) await new Promise((resolve) => setTimeout(resolve, 5));
    t.pass("finished");
  });

  t.test("crowded", async (t) => {
    const { url, model } = await goodMailbox(t);
    const both = [wormhole(t, issuerState(CODE), { url }), wormhole(t, receiverState(), { url })];
    for (const one of both) await until(one, "verified");
    // Both have released; a third that knows the mailbox alone comes too late.
    for (const side of ["aaaaaaaaaa", "bbbbbbbbbb"]) model.claim("7", side);
    const third = wormhole(t, receiverState("7-purple-sausages"), { url });
    t.match(await until(third, "ended"), { reason: "crowded" });
    await third.close("lonely");
    t.notOk(model.commands.some(({ side, type }) => side === third.state.side && type === "close"));
  });

  t.test("a silent guess", async (t) => {
    for (const [left, name] of [[-1, "whose time was up before this process began"], [100, "whose time passes now"]] as const) {
      const { url } = await goodMailbox(t);
      const issuer = wormhole(t, issuerState(CODE), { url });
      const guesser = wormhole(t, receiverState(), {
        url,
        save: ({ outbox }) => {
          if (outbox.length > 1) throw new Error("it says no more than its pake");
        },
      });
      await t.rejects(until(guesser, "ended"), { message: /no more/ });
      await until(issuer, "contacted");
      while (!issuer.state.outbox.every(({ isStored }) => isStored)) await issuer.next(Date.now() + 5);
      issuer.disconnect();
      const again = wormhole(t, { ...issuer.state, guessDeadline: Date.now() + left }, { url });
      t.match(await until(again, "ended"), { reason: "silent-guess" }, name);
      await again.close("happy");
    }
  });

  t.test("notices", async (t) => {
    let bind = "";
    const url = await scriptedMailbox(t, (socket) => {
      socket.send(WELCOME);
      socket.on("message", (data) => {
        bind ||= (data as Buffer).toString();
        socket.send(JSON.stringify({ type: "keyhole-notice", notice: "silent-claim" }));
      });
    });
    const one = wormhole(t, issuerState(CODE), { url, watch: true });
    t.same(await until(one, "notice"), { type: "notice", notice: "silent-claim" });
    t.match(JSON.parse(bind), { type: "bind", keyhole: { watch: true } });
  });
  t.end();
});

t.test("Ctrl-C", (t) => {
  t.test("while it waits: at once, and what was held is let go of", async (t) => {
    const { url, model } = await goodMailbox(t);
    const controller = new AbortController();
    const one = wormhole(t, issuerState(CODE), { url, signal: controller.signal });
    await until(one, "welcome");
    while (one.state.outbox[0]?.isStored !== true) await one.next(Date.now() + 5);
    const waiting = one.next().catch((error: unknown) => error);
    controller.abort(new Interrupted());
    t.ok((await waiting) instanceof Interrupted);
    await t.rejects(one.next());
    await one.close("lonely");
    t.same([model.nameplates.size, model.mailboxes.size], [0, 0]);
  });

  t.test("while it connects", async (t) => {
    const url = await scriptedMailbox(t, () => undefined);
    const controller = new AbortController();
    const one = wormhole(t, issuerState(CODE), { url, signal: controller.signal });
    const waiting = one.next().catch((error: unknown) => error);
    controller.abort(new Interrupted());
    t.ok((await waiting) instanceof Interrupted);
    await one.close("lonely");
    t.equal(one.state.isFinished, true);
  });

  t.test("while there is no server any more", async (t) => {
    const mailbox = await goodMailbox(t);
    const controller = new AbortController();
    const one = wormhole(t, issuerState(CODE), { url: mailbox.url, signal: controller.signal, bounds: { backoffMs: () => 60_000 } });
    while (one.state.outbox[0]?.isStored !== true) await one.next(Date.now() + 5);
    mailbox.cut();
    while (one.state.connection.stage !== "none") await one.next(Date.now() + 5);
    controller.abort(new Interrupted());
    await one.close("lonely");
    t.equal(one.state.isFinished, true);
  });

  t.test("a server that does not let go in time is left", async (t) => {
    const mailbox = await goodMailbox(t);
    const one = wormhole(t, issuerState(CODE), { url: mailbox.url, bounds: { closeMs: 30 } });
    await until(one, "welcome");
    mailbox.onCommand = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
      return true;
    };
    await one.close("lonely");
    t.same(await one.next(), { type: "ended", reason: "closed" } satisfies WormholeEvent);
  });
  t.end();
});

t.test("which nameplates are in use", async (t) => {
  const { url, model } = await goodMailbox(t);
  t.same(await listNameplates(url, APPID), []);
  model.claim("7", "aaaaaaaaaa");
  model.claim("12", "aaaaaaaaaa");
  t.same(await listNameplates(url, APPID), ["7", "12"]);
  model.welcome = { error: "closed" };
  t.same(await listNameplates(url, APPID), [], "whoever turns everybody away names none");
  model.welcome = { "permission-required": { hashcash: { bits: 3, resource: "r" } } };
  t.same(await listNameplates(url, APPID), []);

  const mute = await scriptedMailbox(t, (socket) => socket.send(WELCOME));
  t.equal(await errorCodeOf(listNameplates(mute, APPID, { timeoutMs: 30 })), "WORMHOLE_CONNECT");
  const mad = await scriptedMailbox(t, (socket) => socket.send("[]"));
  t.equal(await errorCodeOf(listNameplates(mad, APPID)), "WORMHOLE_SERVER_MESSAGE");
  const controller = new AbortController();
  const listing = listNameplates(mute, APPID, { signal: controller.signal }).catch((error: unknown) => error);
  controller.abort(new Interrupted());
  t.ok((await listing) instanceof Interrupted);
});
