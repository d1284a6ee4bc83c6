// Loads a mailbox server as many pairs of clients would, and prints one line of
// JSON.
//
//   node bench/mailbox-load.mjs exchanges URL [--pairs 32] [--seconds 5] [--live 0]
//   node bench/mailbox-load.mjs idle URL [--clients 5000]
//
// An exchange is what two programs say to meet: both connect and bind, one
// allocates, both claim and open, send pake, version and one message each,
// release, and close. `--live` mailboxes with a nameplate are there meanwhile.
// `idle` connects clients and says when all are there, until its stdin ends.
import { randomBytes } from "node:crypto";
import WebSocket from "ws";

const [what, url] = process.argv.slice(2);

function option(name, standard) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? standard : Number(process.argv[at + 1]);
}

const APPID = "example.org/keyhole-bench";
const PAKE = "7b2270616b655f7631223a22".padEnd(128, "0") + "227d";
const BOX = randomBytes(64).toString("hex");

/** A connection whose frames can be waited for by type. */
class Client {
  #waiting = [];
  #frames = [];
  #failed;

  constructor(socket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const frame = JSON.parse(data);
      if (frame.type === "error") this.#failed = new Error(`${frame.error} in answer to ${JSON.stringify(frame.orig)}`);
      if (frame.type !== "ack") this.#frames.push(frame);
      this.#wake();
    });
    socket.on("close", () => {
      this.#failed ??= new Error("connection closed");
      this.#wake();
    });
  }

  static connect() {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { perMessageDeflate: false });
      const client = new Client(socket);
      socket.on("error", reject);
      socket.on("open", () => resolve(client));
    });
  }

  send(...messages) {
    for (const message of messages) this.socket.send(JSON.stringify(message));
  }

  /** The next frame for which `isWanted` holds; those before it are dropped. */
  async next(isWanted) {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame === undefined) {
        if (this.#failed !== undefined) throw this.#failed;
        await new Promise((resolve) => this.#waiting.push(resolve));
      } else if (isWanted(frame)) {
        return frame;
      }
    }
  }

  type(type) {
    return this.next((frame) => frame.type === type);
  }

  phase(side, phase) {
    return this.next((frame) => frame.type === "message" && frame.side !== side && frame.phase === phase);
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

async function bound(side) {
  const client = await Client.connect();
  client.send({ type: "bind", appid: APPID, side, client_version: ["bench", "1"] });
  return client;
}

/** One side, from its claim to the end. */
async function meet(client, side, nameplate) {
  client.send({ type: "claim", nameplate });
  const { mailbox } = await client.type("claimed");
  client.send({ type: "open", mailbox }, { type: "add", phase: "pake", body: PAKE });
  await client.phase(side, "pake");
  client.send({ type: "release", nameplate }, { type: "add", phase: "version", body: BOX });
  await client.phase(side, "version");
  client.send({ type: "add", phase: "0", body: BOX });
  await client.phase(side, "0");
  client.send({ type: "close", mailbox, mood: "happy" });
  await client.type("closed");
  client.socket.close();
}

function newSide() {
  return randomBytes(5).toString("hex");
}

async function exchange() {
  const sides = [newSide(), newSide()];
  const [issuer, receiver] = await Promise.all(sides.map(bound));
  issuer.send({ type: "allocate" });
  const { nameplate } = await issuer.type("allocated");
  await Promise.all([meet(issuer, sides[0], nameplate), meet(receiver, sides[1], nameplate)]);
}

/** Nameplates with a mailbox each, which one side has claimed, over a few connections at a time. */
async function makeLive(count) {
  const work = async () => {
    while (made < count) {
      const nameplate = String(1_000_000 + ++made);
      const client = await bound(newSide());
      client.send({ type: "claim", nameplate });
      await client.type("claimed");
      client.socket.close();
    }
  };
  let made = 0;
  await Promise.all(Array.from({ length: 50 }, work));
}

async function exchanges() {
  await makeLive(option("live", 0));
  const pairs = option("pairs", 32);
  const begin = performance.now();
  const end = begin + option("seconds", 5) * 1000;
  let count = 0;
  const times = [];
  const work = async () => {
    while (performance.now() < end) {
      const start = performance.now();
      await exchange();
      times.push(performance.now() - start);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: pairs }, work));
  const seconds = (performance.now() - begin) / 1000;
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ exchanges: count, seconds, perSecond: count / seconds, medianMs: times[Math.floor(times.length / 2)], worstMs: times.at(-1) }));
}

async function idle() {
  const clients = option("clients", 5000);
  let made = 0;
  const work = async () => {
    while (made < clients) {
      made += 1;
      await bound(newSide());
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
  console.log(JSON.stringify({ clients }));
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.on("end", resolve));
}

await { exchanges, idle }[what]();
process.exit(0);
