import t from "tap";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { derivePhaseKey } from "../../../src/lib/wormhole/keys.ts";
import { encryptBox } from "../../../src/lib/wormhole/secretbox.ts";
import { finishPake, startPake } from "../../../src/lib/wormhole/spake2.ts";
import { newIssuer, newReceiver } from "../../../src/lib/wormhole/state.ts";
import { VERSION } from "../../../src/version.ts";
import { fromHex, toHex } from "../../support/wormhole-vectors.ts";
import { APPID, countingRandom, Player, typesOf } from "./player.ts";

const CODE = "4-purple-sausages";
const PEER = "0123456789";
const SCALAR = fromHex("6a4b5ca61d9fe9d9c7148596788b519c041694a1dfc9a7877d4368cb56af8801");

function receiver(code = CODE): Player {
  return new Player(newReceiver({ appid: APPID, code }, countingRandom()));
}

function issuer(code?: string): Player {
  return new Player(newIssuer({ appid: APPID, code }, countingRandom()));
}

/** The other side, as a test makes it say what it wants. */
class Peer {
  readonly #pake;
  readonly code: string;
  readonly side: string;
  key: Uint8Array = new Uint8Array(32);

  constructor(code = CODE, side = PEER) {
    this.code = code;
    this.side = side;
    this.#pake = startPake(code, SCALAR);
  }

  /** @param body - of our pake */
  learn(body: string): void {
    const { pake_v1 } = JSON.parse(Buffer.from(body, "hex").toString()) as { pake_v1: string };
    this.key = finishPake(this.code, APPID, this.#pake, fromHex(pake_v1));
  }

  raw(phase: string, body: unknown): object {
    return { type: "message", side: this.side, phase, body };
  }

  pake(): object {
    return this.raw("pake", hexOf({ pake_v1: toHex(this.#pake.message) }));
  }

  box(phase: string, text: string): object {
    const box = encryptBox(derivePhaseKey(this.key, this.side, phase), encodeUtf8(text), new Uint8Array(24));
    return this.raw(phase, toHex(box));
  }

  version(appVersions: unknown = {}): object {
    return this.box("version", JSON.stringify({ app_versions: appVersions }));
  }
}

function hexOf(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("hex");
}

/** A player that has opened its mailbox, and a peer that knows what it said. */
function opened(player = receiver()): { readonly player: Player; readonly peer: Peer } {
  player.connect();
  if (player.state.allocates) player.hear({ type: "allocated", nameplate: "4" });
  player.hear({ type: "claimed", mailbox: "m" });
  const peer = new Peer(`${player.state.nameplate!}-${player.state.password}`);
  peer.learn(player.state.outbox[0]!.body);
  player.events();
  return { player, peer };
}

function echo(player: Player, phase: string): object {
  const body = player.state.outbox.find((one) => one.phase === phase)!.body;
  return { type: "message", side: player.state.side, phase, body };
}

function verified(player = receiver()): ReturnType<typeof opened> {
  const both = opened(player);
  player.hear(echo(player, "pake"));
  player.hear(both.peer.pake());
  player.hear({ type: "released" });
  player.hear(echo(player, "version"));
  player.hear(both.peer.version());
  player.events();
  return both;
}

t.test("a receiver, step by step", (t) => {
  const player = receiver();
  const { side } = player.state;
  t.same(player.do({ type: "connected" }), [], "the server speaks first");
  t.same(player.hear({ type: "welcome", welcome: { motd: "hello" } }), [
    { type: "bind", appid: APPID, side, client_version: ["keyhole", VERSION] },
    { type: "claim", nameplate: "4" },
  ]);
  const said = player.hear({ type: "claimed", mailbox: "m" });
  t.same(typesOf(said), ["open", "add pake"]);
  t.same(said[0], { type: "open", mailbox: "m" });
  const peer = new Peer();
  peer.learn(player.state.outbox[0]!.body);
  t.same(player.hear(echo(player, "pake")), []);
  t.same(typesOf(player.hear(peer.pake())), ["add version", "release"], "the first message of another side releases the nameplate");
  t.same(player.hear({ type: "released" }), []);
  t.same(player.hear(peer.version({ a: 1 })), []);
  t.same(player.hear(peer.box("0", "hi")), []);
  t.match(player.events(), [{ type: "welcome", motd: "hello" }, { type: "contacted" }, { type: "verified", verifier: /^[0-9a-f]{64}$/, appVersions: { a: 1 } }, { type: "message", index: 0, plaintext: toHex(encodeUtf8("hi")) }]);
  t.same(typesOf(player.send("thanks")), ["add 0"]);
  player.hear(echo(player, "0"));
  t.same(player.events(), [{ type: "stored", index: 0 }]);
  t.same(player.do({ type: "close", mood: "happy" }), [{ type: "close", mailbox: "m", mood: "happy" }]);
  t.equal(player.state.isFinished, false);
  t.same(player.hear({ type: "closed" }), []);
  t.equal(player.state.isFinished, true);
  t.same(player.events(), [{ type: "ended", reason: "closed", detail: null }]);
  t.end();
});

t.test("what is said is made while an answer is on its way, where the code is known", (t) => {
  const player = receiver();
  player.connect();
  t.same(player.do({ type: "idle" }), []);
  const { outbox } = player.state;
  t.match(outbox, [{ phase: "pake", isStored: false }]);
  t.same(player.hear({ type: "claimed", mailbox: "m" })[1], { type: "add", phase: "pake", body: outbox[0]!.body });
  const allocating = issuer();
  allocating.connect();
  allocating.do({ type: "idle" });
  t.same(allocating.state.outbox, [], "no pake for a code that may yet change");
  t.end();
});

t.test("an issuer gets its nameplate from the server", (t) => {
  const player = issuer();
  t.same(typesOf(player.connect()), ["bind", "allocate"]);
  t.same(player.hear({ type: "allocated", nameplate: "17" }), [{ type: "claim", nameplate: "17" }]);
  t.same(player.events(), [{ type: "welcome", motd: null }], "a code that is not claimed is not told");
  t.same(typesOf(player.hear({ type: "claimed", mailbox: "m" })), ["open", "add pake"]);
  t.same(player.events(), [], "nor one that the server may forget");
  player.hear(echo(player, "pake"));
  t.same(player.events(), [{ type: "code", code: `17-${player.state.password}` }]);
  player.hear(echo(player, "pake"));
  t.same(player.events(), [], "once");
  t.end();
});

t.test("an issuer of a given code claims it, and asks for notices where wanted", (t) => {
  const player = issuer("99-own-words");
  player.do({ type: "connected", watch: true });
  const said = player.hear({ type: "welcome", welcome: {} });
  t.match(said, [{ type: "bind", keyhole: { watch: true } }, { type: "claim", nameplate: "99" }]);
  player.hear({ type: "claimed", mailbox: "m" });
  player.hear({ type: "keyhole-notice", notice: "crowded" });
  player.hear({ type: "keyhole-notice", notice: "something new" });
  t.same(player.events(), [{ type: "welcome", motd: null }, { type: "notice", notice: "crowded" }], "whoever chose the code need not be told it");
  t.end();
});

t.test("abilities go into the version message", (t) => {
  const player = new Player(newReceiver({ appid: APPID, code: CODE, appVersions: { x: [1] }, abilities: ["y"] }, countingRandom()));
  t.same(player.state.version, { app_versions: { x: [1] }, abilities: ["y"] });
  t.end();
});

t.test("what was not asked for is nobody's", (t) => {
  const player = receiver();
  player.connect();
  for (const message of [{ type: "allocated", nameplate: "9" }, { type: "released" }, { type: "closed" }, { type: "pong", pong: 0 }, { type: "nameplates", nameplates: [] }, { type: "ack" }, new Peer().pake()]) {
    const { state } = player;
    t.same(player.hear(message), []);
    t.same(player.state, state, JSON.stringify(message));
  }
  player.hear({ type: "claimed", mailbox: "m" });
  player.hear({ type: "claimed", mailbox: "other" });
  t.equal(player.state.mailbox, "m", "a mailbox once known stays the same");
  t.end();
});

t.test("a second welcome changes nothing", (t) => {
  const player = receiver();
  player.connect();
  t.same(player.hear({ type: "welcome", welcome: { error: "late" } }), []);
  t.same(player.effects, []);
  t.end();
});

t.test("the order of messages", (t) => {
  t.test("before the pake they wait", (t) => {
    const { player, peer } = opened();
    player.hear(peer.version());
    player.hear(peer.box("0", "zero"));
    player.hear(peer.box("0", "zero again"));
    t.same(player.events(), []);
    player.hear(peer.pake());
    t.match(player.events(), [{ type: "contacted" }, { type: "verified" }, { type: "message", plaintext: toHex(encodeUtf8("zero")) }]);
    t.end();
  });

  t.test("numbered ones come in order, without gaps, once", (t) => {
    const { player, peer } = verified();
    for (const phase of ["2", "1", "2", "dilate-0", "01", "-1", "1e1", "99999999999999999999", "65", " 0", "0x0"]) player.hear(peer.box(phase, phase));
    t.same(player.events(), []);
    for (const phase of ["0", "0", "1", "3"]) player.hear(peer.box(phase, phase));
    t.match(player.events(), ["0", "1", "2", "3"].map((text, index) => ({ type: "message", index, plaintext: toHex(encodeUtf8(text)) })));
    t.same(player.state.ahead, []);
    t.end();
  });

  t.test("a box of any phase verifies, if it comes first", (t) => {
    const { player, peer } = opened();
    player.hear(peer.pake());
    player.hear(peer.box("0", "early"));
    player.hear(peer.version({ late: true }));
    t.match(player.events(), [{ type: "contacted" }, { type: "verified", appVersions: {} }, { type: "message" }]);
    t.end();
  });

  t.test("whoever says a lot before the pake is as one who says nothing", (t) => {
    const { player, peer } = opened(issuer());
    for (let i = 0; i < 100; i++) player.hear(peer.raw(`x${i}`, "00"));
    t.same(player.events(), []);
    t.equal(player.state.unopened.length, 64);
    player.now = player.state.guessDeadline!;
    player.do({ type: "tick" });
    t.match(player.events(), [{ type: "ended", reason: "silent-guess" }]);
    t.end();
  });
  t.end();
});

t.test("the version message of the other side", (t) => {
  for (const [text, appVersions] of [
    ["[]", {}],
    ["no JSON", {}],
    ["{}", {}],
    ['{"app_versions":[1]}', [1]],
    ['{"__proto__":{"app_versions":1}}', {}],
    ["[".repeat(100_000), {}],
  ] as const) {
    const { player, peer } = opened();
    player.hear(peer.pake());
    player.hear(peer.box("version", text));
    t.match(player.events()[1], { type: "verified", appVersions }, text.slice(0, 40));
  }
  t.end();
});

t.test("wrong guesses", (t) => {
  const wrong = (name: string, message: (peer: Peer) => object): void =>
    void t.test(name, (t) => {
      const { player, peer } = opened();
      player.hear(peer.pake());
      player.hear({ type: "released" });
      const said = player.hear(message(peer));
      t.match(player.events().at(-1), { type: "ended", reason: "wrong-guess" });
      t.same(said, [{ type: "close", mailbox: "m", mood: "scary" }]);
      t.equal(player.state.key, null, "nothing is kept");
      t.same(player.send("secret"), [], "and nothing sent");
      t.end();
    });
  wrong("a version of another key", (peer) => {
    peer.key = new Uint8Array(32);
    return peer.version();
  });
  wrong("a version that is no hex", (peer) => peer.raw("version", "xyz"));
  wrong("a version that is no text", (peer) => peer.raw("version", 7));
  wrong("an empty version", (peer) => peer.raw("version", ""));
  wrong("another phase of another key", (peer) => peer.raw("0", "00".repeat(50)));

  for (const body of ["", "zz", hexOf({}), hexOf([]), hexOf(null), hexOf({ pake_v1: 5 }), hexOf({ pake_v1: "" }), hexOf({ pake_v1: "zz" }), hexOf({ pake_v1: "53".repeat(33) }), hexOf({ pake_v1: "53" }), "ff", 5, null, undefined]) {
    const { player, peer } = opened();
    t.same(typesOf(player.hear(peer.raw("pake", body))), ["release"], "releases before it closes");
    t.match(player.events(), [{ type: "contacted" }, { type: "ended", reason: "wrong-guess" }], String(body));
    t.same(player.hear({ type: "released" }), [{ type: "close", mailbox: "m", mood: "scary" }]);
  }

  const { player, peer } = opened();
  player.hear(peer.raw("pake", player.state.outbox[0]!.body));
  t.match(player.events().at(-1), { type: "ended", reason: "wrong-guess" }, "our own pake, sent back");
  t.end();
});

t.test("a bad box of a side that was verified is no guess", (t) => {
  const { player, peer } = verified();
  t.same(player.hear(peer.raw("0", "00")), [{ type: "close", mailbox: "m", mood: "scary" }]);
  t.match(player.events(), [{ type: "ended", reason: "server-error", detail: /cannot be decrypted/ }]);
  t.end();
});

t.test("third sides get no hearing", (t) => {
  const { player, peer } = opened();
  const third = new Peer(CODE, "ffffffffff");
  player.hear(third.raw("version", "00"));
  player.hear(peer.pake());
  player.hear(third.pake());
  player.hear(third.raw("version", "00"));
  player.hear(third.raw("0", "00"));
  player.hear(peer.version());
  t.match(player.events(), [{ type: "contacted" }, { type: "verified" }]);
  t.equal(player.state.peer, PEER);
  t.end();
});

t.test("a silent guess", (t) => {
  const { player, peer } = opened(issuer(CODE));
  player.now = 5000;
  player.hear(peer.pake());
  player.hear({ type: "released" });
  player.now = 34_999;
  player.do({ type: "tick" });
  t.equal(player.state.ending, null);
  player.now = 35_000;
  t.same(player.do({ type: "tick" }), [{ type: "close", mailbox: "m", mood: "lonely" }]);
  t.match(player.events(), [{ type: "contacted" }, { type: "ended", reason: "silent-guess" }]);
  t.end();
});

t.test("who uses the code up without any pake is timed as well", (t) => {
  const { player, peer } = opened(issuer(CODE));
  player.now = 5000;
  player.hear({ ...peer.pake(), phase: "0", body: "00" });
  player.hear({ type: "released" });
  player.now = 34_999;
  player.do({ type: "tick" });
  t.equal(player.state.ending, null);
  player.now = 35_000;
  player.do({ type: "tick" });
  t.match(player.events(), [{ type: "ended", reason: "silent-guess" }]);
  t.end();
});

t.test("a receiver waits as long as its user does", (t) => {
  const { player, peer } = opened();
  player.hear(peer.pake());
  player.now += 1e9;
  player.do({ type: "tick" });
  t.equal(player.state.ending, null);
  t.end();
});

t.test("a proof that came while we were away counts", (t) => {
  const player = issuer(CODE);
  const { peer } = opened(player);
  player.hear(echo(player, "pake"));
  player.hear(peer.pake());
  const pakeEcho = { ...echo(player, "pake") };
  player.do({ type: "disconnected" });
  player.now += 60_000;
  player.do({ type: "tick" });
  t.equal(player.state.ending, null, "not while there is no connection");
  t.same(typesOf(player.connect()), ["bind", "open", "ping", "add version", "release"]);
  player.do({ type: "tick" });
  t.equal(player.state.ending, null, "not while the server shows what came");
  for (const message of [pakeEcho, peer.pake(), peer.version()]) player.hear(message);
  player.hear({ type: "pong", pong: 0 });
  t.match(player.events(), [{ type: "contacted" }, { type: "verified" }]);

  const other = issuer(CODE);
  opened(other);
  other.hear(echo(other, "pake"));
  other.hear(peer.pake());
  const otherEcho = echo(other, "pake");
  other.do({ type: "disconnected" });
  other.now += 60_000;
  other.connect();
  other.hear(otherEcho);
  other.hear({ type: "pong", pong: 0 });
  t.match(other.events(), [{ type: "contacted" }, { type: "ended", reason: "silent-guess" }], "and if none came, the time is up at once");
  t.end();
});

t.test("reconnecting", (t) => {
  t.test("asks again for what was not answered", (t) => {
    const player = issuer();
    for (let i = 0; i < 2; i++) {
      t.same(typesOf(player.connect()), ["bind", "allocate"]);
      player.do({ type: "disconnected" });
    }
    player.connect();
    player.hear({ type: "allocated", nameplate: "5" });
    player.do({ type: "disconnected" });
    t.same(typesOf(player.connect()), ["bind", "claim"]);
    t.end();
  });

  t.test("a number that was given long ago and never claimed may be another's by now", (t) => {
    const player = issuer();
    player.connect();
    player.hear({ type: "allocated", nameplate: "5" });
    player.do({ type: "disconnected" });
    player.now += 60_001;
    t.same(typesOf(player.connect()), ["bind", "allocate"]);
    player.hear({ type: "allocated", nameplate: "6" });
    player.hear({ type: "claimed", mailbox: "m" });
    player.hear(echo(player, "pake"));
    t.match(player.events(), [{ type: "welcome" }, { type: "code", code: /^6-/ }]);
    t.end();
  });

  t.test("sends the same bytes again until they are stored", (t) => {
    const { player, peer } = opened();
    const { body: pake } = player.state.outbox[0]!;
    player.do({ type: "disconnected" });
    t.match(player.connect(), [{ type: "bind" }, { type: "open", mailbox: "m" }, { type: "add", phase: "pake", body: pake }]);
    player.hear(echo(player, "pake"));
    const [version] = player.hear(peer.pake());
    player.do({ type: "disconnected" });
    player.random = countingRandom(99);
    const again = player.connect();
    t.same(typesOf(again), ["bind", "open", "ping", "add version", "release"]);
    t.same(again[3], version);
    t.end();
  });

  t.test("a release or close that was not answered is sent again", (t) => {
    const { player } = verified();
    player.do({ type: "close", mood: "happy" });
    player.do({ type: "disconnected" });
    t.same(typesOf(player.connect()), ["bind", "close"]);
    player.hear({ type: "closed" });
    t.equal(player.state.isFinished, true);

    const lonely = opened().player;
    t.same(typesOf(lonely.do({ type: "close", mood: "lonely" })), ["release"]);
    lonely.do({ type: "disconnected" });
    t.same(typesOf(lonely.connect()), ["bind", "release"]);
    t.same(lonely.hear({ type: "released" }), [{ type: "close", mailbox: "m", mood: "lonely" }]);
    t.end();
  });

  t.test("what was said before the end still gets there", (t) => {
    const { player } = verified();
    const [said] = player.send("the last word");
    player.do({ type: "close", mood: "happy" });
    player.do({ type: "disconnected" });
    const again = player.connect();
    t.same(typesOf(again), ["bind", "open", "ping", "add 0", "close"]);
    t.same(again[3], said);
    t.end();
  });

  t.test("the same motd is told once", (t) => {
    const player = receiver();
    player.connect({ motd: "one" });
    player.connect({ motd: "one" });
    player.connect({ motd: "two" });
    t.same(player.events(), [{ type: "welcome", motd: "one" }, { type: "welcome", motd: "two" }]);
    t.end();
  });
  t.end();
});

t.test("a lost database", (t) => {
  t.test("what was said before the end reaches nobody", (t) => {
    const { player } = verified();
    player.send("the last word");
    const lastEcho = echo(player, "0");
    player.do({ type: "close", mood: "happy" });
    player.do({ type: "disconnected" });
    player.connect();
    player.hear({ type: "pong", pong: 0 });
    t.equal(player.state.isFinished, true);
    player.hear(lastEcho);
    t.equal(player.state.outbox.at(-1)!.isStored, false, "though the mailbox that there is now has it");
    t.end();
  });

  t.test("our pake was stored and is not shown", (t) => {
    const { player } = opened(issuer());
    player.hear(echo(player, "pake"));
    player.events();
    player.do({ type: "disconnected" });
    t.same(typesOf(player.connect()), ["bind", "open", "ping"]);
    t.same(player.hear({ type: "pong", pong: 0 }), [{ type: "close", mailbox: "m", mood: "errory" }], "the nameplate is left alone: it may be another's");
    t.match(player.events(), [{ type: "ended", reason: "lost" }]);
    t.end();
  });

  t.test("a part is missing", (t) => {
    const { player, peer } = verified();
    const pakeEcho = echo(player, "pake");
    player.do({ type: "disconnected" });
    player.connect();
    player.hear(pakeEcho);
    player.hear(peer.pake());
    player.hear({ type: "pong", pong: 0 });
    t.match(player.events(), [{ type: "ended", reason: "lost" }]);
    t.end();
  });

  t.test("everything is there", (t) => {
    const { player, peer } = opened();
    player.hear(echo(player, "pake"));
    const pakeEcho = echo(player, "pake");
    player.do({ type: "disconnected" });
    player.connect();
    player.hear(pakeEcho);
    player.hear({ type: "pong", pong: 0 });
    player.hear({ type: "pong", pong: 0 });
    player.hear(peer.pake());
    player.hear(peer.version());
    t.match(player.events(), [{ type: "contacted" }, { type: "verified" }]);
    t.end();
  });
  t.end();
});

t.test("somebody else speaks as our side", (t) => {
  const { player } = opened();
  player.hear({ type: "message", side: player.state.side, phase: "version", body: "00" });
  player.hear({ type: "message", side: player.state.side, phase: "pake", body: hexOf({ pake_v1: "53" }) });
  t.match(player.events(), [{ type: "ended", reason: "server-error", detail: /our side/ }]);
  t.end();
});

t.test("errors of the server", (t) => {
  const error = (type: string, error: unknown = "crowded"): object => ({ type: "error", error, orig: { type } });

  t.test("crowded at claim: lets go of the nameplate, and waits for no closed", (t) => {
    const player = receiver();
    player.connect();
    t.same(typesOf(player.hear(error("claim"))), ["release"]);
    t.match(player.events(), [{ type: "welcome" }, { type: "ended", reason: "crowded" }]);
    t.same(player.hear({ type: "released" }), []);
    t.equal(player.state.isFinished, true);
    t.end();
  });

  t.test("crowded at open", (t) => {
    const { player } = opened();
    t.same(typesOf(player.hear(error("open"))), ["release"]);
    player.hear({ type: "released" });
    t.equal(player.state.isFinished, true);
    t.match(player.events(), [{ type: "ended", reason: "crowded" }]);
    t.end();
  });

  t.test("reclaimed", (t) => {
    const player = receiver();
    player.connect();
    player.hear(error("claim", "reclaimed"));
    t.match(player.events().at(-1), { type: "ended", reason: "reclaimed" });
    t.end();
  });

  t.test("any other, as far as a terminal can show it", (t) => {
    const player = receiver();
    player.connect();
    player.hear(error("claim", "no\u001b[2Jway"));
    t.match(player.events().at(-1), { type: "ended", reason: "server-error", detail: "mailbox server says: no\\x1b[2Jway" });
    t.end();
  });

  t.test("a number that was refused need not be let go of", (t) => {
    const player = issuer();
    player.connect();
    t.same(player.hear(error("allocate", "too many")), []);
    t.equal(player.state.isFinished, true);
    t.match(player.events().at(-1), { type: "ended", reason: "server-error" });
    t.end();
  });

  t.test("a server that knows no ping is taken as it is", (t) => {
    const { player, peer } = opened();
    player.hear(echo(player, "pake"));
    player.do({ type: "disconnected" });
    player.connect();
    player.hear(error("ping", "unknown type"));
    t.equal(player.state.ending, null);
    player.hear(peer.pake());
    t.same(player.events(), [{ type: "contacted" }]);
    t.end();
  });

  t.test("while letting go they are no hindrance", (t) => {
    const { player } = opened();
    player.do({ type: "close", mood: "lonely" });
    t.same(typesOf(player.hear(error("release", "only one release per connection"))), ["close"]);
    player.hear(error("close"));
    t.equal(player.state.isFinished, true);
    t.same(player.events(), [{ type: "ended", reason: "closed", detail: null }]);
    t.end();
  });

  for (const odd of [{ type: "error" }, { type: "error", error: 7, orig: 7 }, { type: "error", error: null, orig: { type: {} } }]) {
    const player = receiver();
    player.connect();
    player.hear(odd);
    t.match(player.events().at(-1), { type: "ended", reason: "server-error" }, JSON.stringify(odd));
  }
  t.end();
});

t.test("closing", (t) => {
  t.test("before anything was asked for", (t) => {
    const player = receiver();
    t.same(player.do({ type: "close", mood: "lonely" }), []);
    t.equal(player.state.isFinished, true);
    t.end();
  });

  t.test("while a nameplate is on its way: it is claimed to learn the mailbox, and both are let go of", (t) => {
    const player = issuer();
    player.connect();
    t.same(player.do({ type: "close", mood: "lonely" }), []);
    t.same(typesOf(player.hear({ type: "allocated", nameplate: "8" })), ["claim"]);
    t.same(typesOf(player.hear({ type: "claimed", mailbox: "m" })), ["release"]);
    t.same(typesOf(player.hear({ type: "released" })), ["close"]);
    player.hear({ type: "closed" });
    t.equal(player.state.isFinished, true);
    t.same(player.events(), [{ type: "welcome", motd: null }, { type: "ended", reason: "closed", detail: null }]);
    t.end();
  });

  t.test("giving up", (t) => {
    const { player } = opened();
    player.do({ type: "close", mood: "lonely" });
    t.same(player.do({ type: "give-up" }), []);
    t.equal(player.state.isFinished, true);
    t.same(player.events(), [{ type: "ended", reason: "closed", detail: null }]);

    const lost = opened().player;
    lost.do({ type: "give-up", detail: "no server" });
    t.same(lost.events(), [{ type: "ended", reason: "lost", detail: "no server" }]);
    t.end();
  });

  t.test("an end in fear is not made a happy one", (t) => {
    const { player, peer } = opened();
    player.hear(peer.raw("pake", "00"));
    t.same(player.do({ type: "close", mood: "happy" }), []);
    t.same(player.hear({ type: "released" }), [{ type: "close", mailbox: "m", mood: "scary" }]);
    player.hear({ type: "closed" });
    t.match(player.events(), [{ type: "contacted" }, { type: "ended", reason: "wrong-guess" }], "and is told once");
    t.end();
  });

  t.test("nonsense from the server", (t) => {
    const { player } = opened();
    player.do({ type: "nonsense", detail: "the server sent a dog" });
    t.match(player.events(), [{ type: "ended", reason: "server-error", detail: "the server sent a dog" }]);
    t.end();
  });
  t.end();
});

t.test("what the server asks for at the door", (t) => {
  t.test("an error turns us away", (t) => {
    const player = receiver();
    t.same(player.connect({ error: "closed for\u0007 repair" }), []);
    t.match(player.effects, [{ type: "fail", error: { code: "WORMHOLE_UNWELCOME", kind: "outside", message: "mailbox server turns everybody away: closed for\\x07 repair" } }]);
    t.equal(player.state.ending, null, "another process may try again");
    t.end();
  });

  t.test("nothing, by name", (t) => {
    t.same(typesOf(receiver().connect({ "permission-required": { none: {}, hashcash: { bits: 20, resource: "r" } } })), ["bind", "claim"]);
    t.end();
  });

  t.test("hashcash", (t) => {
    const player = receiver();
    t.same(player.connect({ "permission-required": { hashcash: { bits: 6, resource: "r" } } }), []);
    t.same(player.effects, [{ type: "mint", bits: 6, resource: "r" }]);
    t.same(typesOf(player.do({ type: "minted", stamp: "1:6:..." })), ["submit-permissions", "bind", "claim"]);
    t.same(player.do({ type: "minted", stamp: "1:6:..." }), [], "once");
    t.end();
  });

  t.test("a stamp for a connection that is gone is not used", (t) => {
    const player = receiver();
    player.connect({ "permission-required": { hashcash: { bits: 6, resource: "r" } } });
    player.do({ type: "disconnected" });
    t.same(player.do({ type: "minted", stamp: "1:6:..." }), []);
    t.end();
  });

  for (const required of [{ passport: {} }, {}, [], 7, "x", { hashcash: {} }, { hashcash: { bits: -1, resource: "r" } }, { hashcash: { bits: 1.5, resource: "r" } }, { hashcash: { bits: 3, resource: 4 } }]) {
    const player = receiver();
    t.same(player.connect({ "permission-required": required }), []);
    t.match(player.effects, [{ type: "fail", error: { code: "WORMHOLE_PERMISSION" } }], JSON.stringify(required));
  }
  t.end();
});

t.test("messages that nobody takes are not hoarded", (t) => {
  const { player, peer } = verified();
  for (let i = 0; i < 1001; i++) player.hear(peer.box(String(i), "x"));
  t.match(player.state.events.at(-1), { type: "ended", reason: "server-error" });
  t.end();
});

t.test("the first step of sending waits for the proof", (t) => {
  const { player, peer } = opened();
  t.same(player.send("secret"), []);
  player.hear(peer.pake());
  t.same(player.send("secret"), []);
  player.hear(peer.version());
  t.same(typesOf(player.send("secret")), ["add 0"]);
  t.same(typesOf(player.send("more")), ["add 1"]);
  t.end();
});
