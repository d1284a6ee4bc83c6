import fc from "fast-check";
import t from "tap";
import { KeyholeError } from "../../../src/lib/errors.ts";
import type { ClientMessage } from "../../../src/lib/wormhole/client-message.ts";
import type { MachineEvent } from "../../../src/lib/wormhole/machine.ts";
import { parseServerMessage } from "../../../src/lib/wormhole/server-message.ts";
import { newIssuer, newReceiver, type StoredEvent, type WormholeState } from "../../../src/lib/wormhole/state.ts";
import { MailboxModel, type ModelConnection } from "../../support/mailbox-model.ts";
import { APPID, countingRandom, Player } from "./player.ts";

const CODE = "4-purple-sausages";

/** Each takes some key agreements, of some milliseconds. */
const RUNS = 60;

/** One side with its connection, on which both directions take their time. */
class Side {
  readonly player: Player;
  readonly told: StoredEvent[] = [];
  readonly #world: World;
  #connection: ModelConnection | undefined;
  #toServer: ClientMessage[] = [];
  #toPlayer: object[] = [];
  sent = 0;

  constructor(world: World, state: WormholeState, seed: number) {
    this.#world = world;
    this.player = new Player(state);
    this.player.random = countingRandom(seed);
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  get isIdle(): boolean {
    return this.#toServer.length === 0 && this.#toPlayer.length === 0;
  }

  /** @param isSent - not where the process dies between writing down and sending */
  do(event: MachineEvent, isSent = true): void {
    const wasVerified = this.player.state.isVerified;
    const said = this.player.do(event);
    for (const message of said) {
      if (message.type === "add" && /^[0-9]+$/.test(message.phase) && !wasVerified) throw new Error("an application message was sent before the other side was verified");
    }
    if (isSent && this.#connection !== undefined) this.#toServer.push(...said);
    this.told.push(...this.player.events());
    checkTold(this.told);
  }

  connect(): void {
    if (this.isConnected || this.player.state.isFinished) return;
    this.#connection = this.#world.mailbox.connect((frame) => this.#toPlayer.push(frame));
    this.do({ type: "connected" });
  }

  /** The server hears of some of what was said, and none of what it said arrives. */
  drop(heard: number): void {
    for (let i = 0; i < heard; i++) this.serve();
    this.#connection?.end();
    this.#connection = undefined;
    this.#toServer = [];
    this.#toPlayer = [];
    this.do({ type: "disconnected" });
  }

  serve(): void {
    const message = this.#toServer.shift();
    if (message !== undefined) this.#connection?.hear({ ...message });
  }

  hear(isSent = true): void {
    const frame = this.#toPlayer.shift();
    if (frame === undefined) return;
    this.do({ type: "received", message: parseServerMessage(JSON.stringify(frame)) }, isSent);
    if (!isSent) this.drop(0);
  }

  send(): void {
    if (!this.player.state.isVerified || this.player.state.ending !== null) return;
    this.do({ type: "send", plaintext: Uint8Array.of(this.sent++) });
  }
}

/** Of one side, in all its processes together. */
function checkTold(told: readonly StoredEvent[]): void {
  const types = told.map(({ type }) => type);
  for (const once of ["code", "contacted", "verified", "ended"]) if (types.filter((type) => type === once).length > 1) throw new Error(`${once} was told twice`);
  if (types.includes("ended") && types.at(-1) !== "ended") throw new Error("something was told after the end");
  const messages = told.filter((event) => event.type === "message");
  if (messages.some(({ index }, i) => index !== i)) throw new Error("messages came out of order, twice or with gaps");
  if (messages.some(({ plaintext }, i) => plaintext !== i.toString(16).padStart(2, "0"))) throw new Error("a message is not what was sent");
  if (messages.length > 0 && (!types.includes("verified") || types.indexOf("message") < types.indexOf("verified"))) throw new Error("a message came before the other side was verified");
  if (types.includes("verified") && types.indexOf("verified") < types.indexOf("contacted")) throw new Error("verified before contacted");
}

class World {
  readonly mailbox = new MailboxModel();
  readonly sides: readonly [Side, Side];

  constructor(receiverCode: string, isAllocated: boolean) {
    // The first nameplate of the model is 1, so that the receiver can know it.
    const state = newIssuer({ appid: APPID, code: isAllocated ? undefined : CODE }, countingRandom(1));
    const code = isAllocated && receiverCode === CODE ? `1-${state.password}` : receiverCode;
    this.sides = [new Side(this, state, 3), new Side(this, newReceiver({ appid: APPID, code }, countingRandom(2)), 4)];
  }

  /** What was added, ever, is one and the same for each side and phase. */
  check(): void {
    const bodies = new Map<string, unknown>();
    for (const { side, type, phase, body } of this.mailbox.commands) {
      if (type !== "add") continue;
      const name = `${side} ${String(phase)}`;
      if (bodies.has(name) && bodies.get(name) !== body) throw new Error(`two different ${name}`);
      bodies.set(name, body);
    }
  }

  /** Until nothing more happens, over a network that works. */
  settle(): void {
    for (let i = 0; i < 400; i++) {
      for (const side of this.sides) {
        side.connect();
        side.serve();
        side.hear();
      }
    }
  }
}

type Deed = readonly [who: 0 | 1, what: string, amount: number];

function act(world: World, [who, what, amount]: Deed): void {
  const side = world.sides[who];
  switch (what) {
    case "connect":
      return side.connect();
    case "drop":
      return side.drop(amount);
    case "serve":
      return side.serve();
    case "hear":
      return side.hear();
    case "die":
      return side.hear(false);
    case "run":
      for (let i = 0; i < amount * 3; i++) {
        side.connect();
        side.serve();
        side.hear();
      }
      return;
    case "send":
      return side.send();
    case "tick":
    case "idle":
      return side.do({ type: what });
    case "forget":
      for (const one of world.sides) one.drop(0);
      return world.mailbox.forget();
    case "close":
      return side.do({ type: "close", mood: "happy" });
    case "later":
      side.player.now += amount * 10_000;
      return side.do({ type: "tick" });
    case "give-up":
      return side.do({ type: "give-up" });
  }
}

const HONEST = ["connect", "drop", "serve", "hear", "die", "run", "run", "run", "send", "tick", "idle"];
const HARSH = [...HONEST, "forget", "close", "later", "give-up"];

function deeds(kinds: readonly string[]): fc.Arbitrary<readonly Deed[]> {
  return fc.array(fc.tuple(fc.constantFrom(0 as const, 1 as const), fc.constantFrom(...kinds), fc.integer({ min: 0, max: 4 })), { maxLength: 60 });
}

t.test("with the same code, both sides get everything in the end, however often they lose the connection or die", (t) => {
  fc.assert(
    fc.property(deeds(HONEST), fc.boolean(), (all, isAllocated) => {
      const world = new World(CODE, isAllocated);
      // The code is told from one to the other only once there is one.
      if (isAllocated) act(world, [0, "run", 4]);
      for (const deed of all) act(world, deed);
      world.settle();
      world.check();
      const [one, two] = world.sides;
      for (const side of [one, two]) {
        if (!side.player.state.isVerified || side.player.state.ending !== null) throw new Error(`not verified: ${JSON.stringify(side.told)}`);
        side.send();
      }
      world.settle();
      for (const [side, other] of [[one, two], [two, one]] as const) {
        if (side.told.filter(({ type }) => type === "message").length !== other.sent) throw new Error("a message was lost");
        if (side.told.filter(({ type }) => type === "stored").length !== side.sent) throw new Error("a message was not stored");
      }
      for (const side of [one, two]) side.do({ type: "close", mood: "happy" });
      world.settle();
      for (const side of [one, two]) if (!side.player.state.isFinished) throw new Error("not closed");
      if (world.mailbox.nameplates.size > 0 || world.mailbox.mailboxes.size > 0) throw new Error("something was left at the server");
    }),
    { numRuns: RUNS },
  );
  t.end();
});

t.test("with a wrong code, whatever happens nothing is verified, and both learn of it", (t) => {
  fc.assert(
    fc.property(deeds(HONEST), (all) => {
      const world = new World("4-wrong-guess", false);
      for (const deed of all) act(world, deed);
      world.settle();
      world.check();
      for (const { told, player } of world.sides) {
        if (told.some(({ type }) => type === "verified" || type === "message")) throw new Error("verified");
        if (told.at(-1)?.type !== "ended" || player.state.ending?.reason !== "wrong-guess" || !player.state.isFinished) throw new Error(JSON.stringify(told));
      }
    }),
    { numRuns: RUNS / 2 },
  );
  t.end();
});

t.test("with a server that forgets, closed doors and late hours, no rule is broken", (t) => {
  fc.assert(
    fc.property(deeds(HARSH), fc.constantFrom(CODE, "4-wrong-guess"), fc.boolean(), (all, code, isAllocated) => {
      const world = new World(code, isAllocated);
      for (const deed of all) act(world, deed);
      world.settle();
      world.check();
    }),
    { numRuns: RUNS },
  );
  t.end();
});

/** What a server may say: well-formed, odd and broken, of all sides and phases. */
function serverMessages(own: string): fc.Arbitrary<object> {
  const odd = fc.constantFrom<unknown>(null, 0, -1, 1e300, "", "x", [], {}, { type: "add" }, true);
  const side = fc.oneof(fc.constantFrom(own, "0123456789", "ffffffffff"), odd);
  const phase = fc.oneof(fc.constantFrom("pake", "version", "0", "1", "01", "-1", "99999999999999999999", "dilate-0", "9007199254740993"), odd);
  const pake = Buffer.from('{"pake_v1":"53d8f2a5d97061f56d195ecfe6f04db7ad50831bbd3c1bec5ceb22437ad7db37cb"}').toString("hex");
  const body = fc.oneof(fc.constantFrom(pake, "00", "zz", "0".repeat(200), "7b7d"), odd);
  const type = fc.constantFrom("welcome", "nameplates", "allocated", "claimed", "released", "message", "message", "message", "closed", "pong", "ack", "error", "keyhole-notice", "dog");
  const welcome = fc.oneof(fc.constantFrom({}, {}, { motd: "m" }, { error: "e" }, { "permission-required": { hashcash: { bits: 1, resource: "r" } } }), odd);
  const nameplate = fc.oneof(fc.constantFrom("1", "4"), odd);
  return fc.record({ type, side, phase, body, welcome, nameplate, mailbox: nameplate, error: fc.oneof(fc.constantFrom("crowded", "reclaimed"), odd), orig: odd, notice: fc.constantFrom("crowded", "silent-claim", 5), nameplates: odd, pong: odd });
}

t.test("no server can make the machine throw, or break its rules", (t) => {
  const start = newIssuer({ appid: APPID }, countingRandom(7));
  const events = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: serverMessages(start.side).map((message) => ({ type: "received", message }) as const) },
      { weight: 1, arbitrary: fc.constantFrom({ type: "connected" } as const, { type: "disconnected" } as const, { type: "tick" } as const, { type: "minted", stamp: "s" } as const, { type: "send", plaintext: new Uint8Array(3) } as const) },
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(events, fc.boolean(), (all, isAllocated) => {
      const player = new Player(isAllocated ? start : newReceiver({ appid: APPID, code: CODE }, countingRandom(7)));
      player.do({ type: "connected" });
      player.hear({ type: "welcome", welcome: {} });
      const pakes = new Set<string>();
      const told: StoredEvent[] = [];
      for (const event of all) {
        let said: readonly ClientMessage[] = [];
        try {
          said = event.type === "received" ? player.hear(event.message) : player.do(event);
        } catch (error) {
          if (!(error instanceof KeyholeError && error.code === "WORMHOLE_SERVER_MESSAGE")) throw error;
        }
        for (const message of said) if (message.type === "add" && message.phase === "pake") pakes.add(message.body);
        told.push(...player.events());
        checkTold(told);
      }
      return pakes.size <= 1;
    }),
    { numRuns: 4 * RUNS },
  );
  t.end();
});
