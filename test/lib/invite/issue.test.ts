import { join } from "node:path";
import t, { type Test } from "tap";
import { accept } from "../../../src/lib/invite/accept.ts";
import type { InviteEvent } from "../../../src/lib/invite/events.ts";
import { issue, newInvite, type IssueOptions, type IssueState } from "../../../src/lib/invite/issue.ts";
import { encodeUtf8, parseUtf8 } from "../../../src/lib/text.ts";
import { randomScalar, startPake } from "../../../src/lib/wormhole/spake2.ts";
import { newReceiver } from "../../../src/lib/wormhole/state.ts";
import { Wormhole } from "../../../src/lib/wormhole/wormhole.ts";
import { bareSide, nameplateOf, receiver, startMailbox, TEXT_APPID, until } from "../../support/invite.ts";

const TTL_MS = 60_000;

interface Running {
  readonly events: InviteEvent[];
  readonly ended: Promise<InviteEvent>;
  readonly code: Promise<string>;
}

function start(state: IssueState, options: Omit<IssueOptions, "onEvent">): Running {
  const events: InviteEvent[] = [];
  let onCode: (code: string) => void;
  const code = new Promise<string>((resolve) => (onCode = resolve));
  const onEvent = (event: InviteEvent): void => {
    events.push(event);
    if (event.event === "code") onCode(event.code ?? "");
  };
  const ended = issue(state, { ...options, onEvent });
  ended.catch(() => undefined);
  return { events, ended, code };
}

const names = ({ events }: Running): readonly string[] => events.map(({ event }) => event);
const text = (payload: string, ttlMs = TTL_MS): IssueState => newInvite({ format: "text", payload, ttlMs });

/** The process dies: from what it wrote down last, another goes on. */
const CRASH = new Error("crash");

/** Runs an invite until `isDue` says of a state that is to be written down that the process dies in its stead. */
async function crash(t: Test, state: IssueState, url: string, isDue: (state: IssueState) => boolean, whileRunning: (code: string) => unknown): Promise<IssueState> {
  let last = JSON.stringify(state);
  let hasDied = false;
  const running = start(state, {
    url,
    save: (next) => {
      if (hasDied || isDue(next)) {
        hasDied = true;
        throw CRASH;
      }
      last = JSON.stringify(next);
    },
  });
  void running.code.then(whileRunning);
  await t.rejects(running.ended, CRASH);
  return JSON.parse(last) as IssueState;
}

t.test("delivered", async (t) => {
  const { url } = await startMailbox(t);
  const running = start(text("hello"), { url });
  let payload = "";
  await accept({ format: "text", code: await running.code }, { url, timeoutMs: TTL_MS, write: (written) => void (payload = written) });
  t.match(await running.ended, { event: "delivered", code: await running.code });
  t.equal(payload, "hello");
  t.same(names(running), ["code", "contacted", "verified", "delivered"]);
});

t.test("another process goes on", async (t) => {
  const { url } = await startMailbox(t);
  for (const [name, isDue] of [
    ["before anybody came", (state) => state.wormhole.isContacted],
    ["between the key agreement and the proof", (state) => state.wormhole.isVerified],
    ["before the payload is sent", (state) => state.dialog.stage === "offered"],
    ["before the answer", (state) => state.wormhole.nextReceive > 0],
  ] as const satisfies readonly (readonly [string, (state: IssueState) => boolean])[]) {
    let payload = "";
    let accepted: Promise<void> | undefined;
    const state = await crash(t, text("hello"), url, isDue, (code) => {
      accepted = accept({ format: "text", code }, { url, timeoutMs: TTL_MS, write: (written) => void (payload = written) });
      accepted.catch(() => undefined);
    });
    const second = start(state, { url, save: () => undefined });
    t.match(await second.ended, { event: "delivered" }, name);
    await accepted;
    t.equal(payload, "hello", name);
    t.notOk(names(second).includes("code"), "the code is the same");
  }
});

t.test("somebody who tries a code and vanishes", async (t) => {
  const { url } = await startMailbox(t);
  const isAnswered = ({ wormhole: { outbox } }: IssueState): boolean => outbox.some(({ phase, isStored }) => phase === "version" && isStored);
  const state = await crash(t, text("hello"), url, isAnswered, async (code) => {
    const side = await bareSide(t, url);
    await side.join(nameplateOf(code));
    const { message } = startPake(`${code}x`, randomScalar());
    side.send({ type: "add", phase: "pake", body: Buffer.from(JSON.stringify({ pake_v1: Buffer.from(message).toString("hex") })).toString("hex") });
  });
  const { guessDeadline } = state.wormhole;
  t.ok(guessDeadline !== null && guessDeadline > Date.now() + 20_000 && guessDeadline <= Date.now() + 30_000, "he has 30 seconds to prove that he knows it");
  const second = start({ ...state, expiresAt: Date.now() - 1, wormhole: { ...state.wormhole, guessDeadline: Date.now() + 300 } }, { url });
  t.match(await second.ended, { event: "silent-guess" }, "which the end of the time does not hide");
});

t.test("time", async (t) => {
  const { url } = await startMailbox(t);
  const alone = start(text("hello", 300), { url });
  t.match(await alone.ended, { event: "expired" });
  t.same(names(alone), ["code", "expired"]);

  const mailbox = await startMailbox(t);
  const cut = start(text("hello", 1000), { url: mailbox.url });
  await cut.code;
  await mailbox.stop();
  t.match(await cut.ended, { event: "lost", reason: "there was no connection to the mailbox server when the time was over" });

  const held = start({ ...text("hello", 300), hasSilentClaim: true }, { url });
  t.match(await held.ended, { event: "silent-guess", reason: "somebody took the number of the code and said nothing" }, "as was seen before");

  const gone = JSON.parse(JSON.stringify({ ...text("hello"), expiresAt: Date.now() - 1, code: "7-guitarist-revenge" })) as IssueState;
  t.match(await start(gone, { url }).ended, { event: "expired" }, "over while no process was there");
});

t.test("a receiver that does not confirm", async (t) => {
  const { url } = await startMailbox(t);
  const isOffered = ({ wormhole: { outbox } }: IssueState): boolean => outbox.some(({ phase, isStored }) => phase === "0" && isStored);
  const state = await crash(t, text("hello"), url, isOffered, (code) => receiver(t, url, code));
  t.match(await start({ ...state, expiresAt: Date.now() - 1 }, { url }).ended, { event: "expired", reason: "the receiver had the right code and did not confirm; it may have the payload" });
});

t.test("a side that takes the number and speaks later", async (t) => {
  const { url } = await startMailbox(t);
  let last: IssueState | undefined;
  let warnings = 0;
  const dying = new AbortController();
  t.teardown(() => void dying.abort());
  const first = start(text("hello"), { url, signal: dying.signal, save: (state) => void (last = JSON.parse(JSON.stringify(state)) as IssueState), onSilentClaim: () => (warnings += 1) });
  const code = await first.code;
  const side = await bareSide(t, url);
  await side.join(nameplateOf(code));
  side.close();
  while (last?.hasSilentClaim !== true) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(warnings, 1);
  t.same(names(first), ["code"], "nothing has ended");
  t.equal(last.code, code);
  t.match(await start({ ...last, expiresAt: Date.now() + 300 }, { url }).ended, { event: "silent-guess" }, "another process knows of it");
});

t.test("the verifier", async (t) => {
  const { url } = await startMailbox(t);
  let asked = "";
  const confirm = (verifier: string): Promise<boolean> => {
    asked = verifier;
    return Promise.resolve(false);
  };
  const running = start(text("hello"), { url, confirm });
  const wormhole = new Wormhole(newReceiver({ appid: TEXT_APPID, code: await running.code }), { url });
  t.teardown(() => void wormhole.disconnect());
  const { verifier } = await until(wormhole, "verified");
  t.equal(parseUtf8((await until(wormhole, "message")).plaintext, "message"), '{"error":"sender rejected verification check, abandoned transfer"}', "and no payload");
  t.match(await running.ended, { event: "refused", reason: /not confirmed on this side/ });
  t.equal(asked, Buffer.from(verifier).toString("hex"));
});

t.test("what is thrown ends the invite, and the other side is told", async (t) => {
  const { url, list } = await startMailbox(t);
  const stop = new Error("no more");
  const events: InviteEvent[] = [];
  await t.rejects(issue(text("hello"), { url, onEvent: () => { throw stop; } }), stop);
  t.same(await list(), []);

  const controller = new AbortController();
  const running = issue(text("hello"), { url, signal: controller.signal, onEvent: (event) => void events.push(event) });
  while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const peer = await receiver(t, url, events[0]!.code!);
  await until(peer, "message");
  controller.abort(stop);
  await t.rejects(running, stop);
  t.equal(parseUtf8((await until(peer, "message")).plaintext, "message"), '{"error":"the sender gave up"}');
});

t.test("a payload of the receiver that cannot be written", async (t) => {
  const { url } = await startMailbox(t);
  const running = start(text("hello"), { url });
  const full = new Error("disk full of secrets");
  await t.rejects(accept({ format: "text", code: await running.code }, { url, timeoutMs: TTL_MS, write: () => { throw full; } }), full);
  t.match(await running.ended, { event: "refused", reason: "the receiver could not write it" });
});

t.test("the sender is told only after the payload is safe", async (t) => {
  const { url } = await startMailbox(t);
  const running = start(text("hello"), { url });
  let isSafe = false;
  const write = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.same(names(running), ["code", "contacted", "verified"]);
    isSafe = true;
  };
  await accept({ format: "text", code: await running.code }, { url, timeoutMs: TTL_MS, write });
  t.ok(isSafe);
  t.match(await running.ended, { event: "delivered" });
});

t.test("a server that goes away before it has the acknowledgement", async (t) => {
  const db = join(t.testdir(), "mailbox.db");
  const mailbox = await startMailbox(t, { db });
  const running = start(text("hello"), { url: mailbox.url });
  const back = (): Promise<unknown> => startMailbox(t, { db, port: mailbox.port });
  const write = async (): Promise<void> => {
    await mailbox.stop();
    setTimeout(() => void back(), 200);
  };
  await accept({ format: "text", code: await running.code }, { url: mailbox.url, timeoutMs: TTL_MS, write });
  t.match(await running.ended, { event: "delivered" }, "and comes back");

  const forgetful = await startMailbox(t);
  const lost = start(text("hello"), { url: forgetful.url });
  const writeThenForget = async (): Promise<void> => {
    await forgetful.stop();
    setTimeout(() => void startMailbox(t, { port: forgetful.port }), 200);
  };
  await t.rejects(accept({ format: "text", code: await lost.code }, { url: forgetful.url, timeoutMs: TTL_MS, write: writeThenForget }), { code: "INVITE_UNACKNOWLEDGED" }, "and comes back without its database");
  t.match(await lost.ended, { event: "lost" });

  const gone = await startMailbox(t);
  const issuing = new AbortController();
  t.teardown(() => void issuing.abort());
  const invite = start(text("hello"), { url: gone.url, signal: issuing.signal });
  const accepting = new AbortController();
  const stop = new Error("no more");
  const writeThenStop = async (): Promise<void> => {
    await gone.stop();
    setTimeout(() => accepting.abort(stop), 100);
  };
  await t.rejects(accept({ format: "text", code: await invite.code }, { url: gone.url, timeoutMs: TTL_MS, write: writeThenStop, signal: accepting.signal }), stop, "Ctrl-C does not wait for it");
});

t.test("errors of the receiver", async (t) => {
  const { url } = await startMailbox(t);
  const take = (code: string, timeoutMs: number, confirm?: () => Promise<boolean>): Promise<void> => accept({ format: "text", code }, { url, timeoutMs, write: () => undefined, confirm });
  await t.rejects(take("9-guitarist-revenge", 200), { code: "INVITE_TIMEOUT", kind: "outside" });
  const wrong = start(text("hello"), { url });
  await t.rejects(take(`${await wrong.code}x`, TTL_MS), { code: "INVITE_WRONG_CODE", kind: "no" });
  t.match(await wrong.ended, { event: "wrong-guess" });
  const unconfirmed = start(text("hello"), { url });
  await t.rejects(take(await unconfirmed.code, TTL_MS, () => Promise.resolve(false)), { code: "INVITE_VERIFIER", kind: "no" });
  t.match(await unconfirmed.ended, { event: "refused", reason: "receiver rejected verification check, abandoned transfer" });
  const silent = start(text("hello"), { url });
  const peer = await receiver(t, url, await silent.code);
  peer.send(encodeUtf8("nonsense"));
  t.match(await silent.ended, { event: "refused", reason: "the answer is not a JSON object" });
});
