import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { WormholeError } from "../../../src/lib/errors.ts";
import { parseServerMessage } from "../../../src/lib/wormhole/server-message.ts";
import { MailboxModel } from "../../support/mailbox-model.ts";
import { mutate } from "../mutate.ts";
import { mutateJson } from "../mutate-json.ts";
import { Random } from "../random.ts";
import { HANDSHAKES, SERVER_BYTES, SERVER_FRAMES } from "../wormhole-corpus.ts";
import { isOneIn } from "./live.ts";

const MAX_BURST = 200;
const ENOUGH = JSON.stringify({ type: "error", error: "enough", orig: { type: "add" } });

/** One victim's mailbox server. */
interface Play {
  readonly model: MailboxModel;
  readonly random: Random;
  /** So that some get through to the end. */
  readonly isMild: boolean;
  /** Whether an honest client has come. */
  isMet: boolean;
}

/**
 * A mailbox server that for each `?run=N` is one of its own, and treats every
 * client as a good server would, but for what it changes, adds, leaves out, or
 * says that is no WebSocket. A client with `&honest` is spared.
 */
export class HostileServer {
  readonly #server: Server;
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #plays = new Map<string, Play>();
  readonly #seed: number;
  /** Malformed frames that clients read, as their answer to a ping shows. */
  malformed = 0;
  url = "";

  private constructor(seed: number) {
    this.#seed = seed;
    this.#server = createServer();
    this.#server.on("upgrade", (request, socket: Socket, head) => this.#upgrade(request, socket, head));
  }

  static async start(seed: number): Promise<HostileServer> {
    const hostile = new HostileServer(seed);
    hostile.#server.listen(0, "127.0.0.1");
    await once(hostile.#server, "listening");
    hostile.url = `ws://127.0.0.1:${(hostile.#server.address() as AddressInfo).port}/v1`;
    return hostile;
  }

  end(run: number): void {
    this.#plays.delete(String(run));
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on("error", () => undefined);
    const { searchParams } = new URL(request.url ?? "", this.url);
    const run = searchParams.get("run") ?? "";
    const play = this.#plays.get(run) ?? { model: new MailboxModel(), ...chancesOf(this.#seed, Number(run)), isMet: false };
    this.#plays.set(run, play);
    const isHonest = searchParams.has("honest");
    if (!isHonest && isOneIn(play.random, 30)) {
      socket.end(mutate(play.random, HANDSHAKES));
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (client) => this.#serve(play, client, isHonest ? undefined : socket));
  }

  /** @param stream - below the WebSocket of one that is not spared */
  #serve(play: Play, client: WebSocket, stream: Socket | undefined): void {
    const { model } = play;
    if (stream === undefined) play.isMet = true;
    client.on("error", () => undefined);
    const connection = model.connect((frame) => {
      const text = JSON.stringify(frame);
      if (stream === undefined) client.send(text);
      else this.#meddle(play, client, stream, text);
    });
    client.on("message", (data: Buffer) => {
      try {
        const message = JSON.parse(data.toString()) as { readonly type: string };
        connection.hear(message);
        // Nobody else comes to this mailbox.
        if (message.type === "add" && stream !== undefined && !play.isMet) client.send(ENOUGH);
      } catch {
        // What it was made to say, the model may not know.
        client.terminate();
      }
    });
    client.on("close", () => connection.end());
  }

  #meddle({ random, isMild }: Play, client: WebSocket, stream: Socket, text: string): void {
    switch (random.below(isMild ? 100 : 20)) {
      case 0:
      case 1:
        this.#burst(random, client, text);
        client.send(text);
        break;
      case 2:
        client.send(text);
        this.#burst(random, client, text);
        break;
      case 3:
        client.send(Buffer.from(mutateJson(random, [Buffer.from(text)])).toString());
        break;
      case 4:
        if (!isOneIn(random, 3)) client.send(text);
        break;
      case 5:
        this.#disturb(random, client, stream);
        client.send(text);
        break;
      default:
        client.send(text);
    }
  }

  /** Those that a client must not stumble over come first, as the first other one may be the last that it reads. */
  #burst(random: Random, client: WebSocket, text: string): void {
    const frames = Array.from({ length: 1 + random.below(MAX_BURST) }, () => Buffer.from(mutateJson(random, isOneIn(random, 3) ? [Buffer.from(text)] : SERVER_FRAMES)).toString());
    const malformed = frames.filter((frame) => kindOf(frame) !== "good");
    // Good ones may end it all.
    const some = isOneIn(random, 4) ? frames : malformed;
    const tolerable = some.filter((frame) => kindOf(frame) === "tolerable");
    const others = isOneIn(random, 2) ? some.filter((frame) => kindOf(frame) !== "tolerable") : [];
    for (const frame of [...tolerable, ...others]) client.send(frame);
    const read = [...tolerable, ...others].filter((frame) => kindOf(frame) !== "good").length;
    client.once("pong", () => (this.malformed += read));
    client.ping();
  }

  #disturb(random: Random, client: WebSocket, stream: Socket): void {
    switch (random.below(5)) {
      case 0:
        client.terminate();
        break;
      case 1:
        client.send(mutateJson(random, SERVER_FRAMES), { binary: true });
        break;
      case 2:
        client.send("x".repeat(70_000 + random.below(1_000_000)));
        break;
      case 3:
        client.send(Buffer.from([0x22, 0xff, 0xfe]), { binary: false });
        break;
      default:
        stream.write(mutate(random, SERVER_BYTES));
    }
  }
}

function chancesOf(seed: number, run: number): Pick<Play, "random" | "isMild"> {
  const random = new Random(seed, run);
  return { random, isMild: isOneIn(random, 4) };
}

/** Whether a frame is what a server may say; if not, whether clients pass over it. */
function kindOf(frame: string): "good" | "tolerable" | "refused" {
  try {
    const message = parseServerMessage(frame);
    return message.type === "other" || (message.type === "message" && message.body === undefined) ? "tolerable" : "good";
  } catch (error) {
    if (error instanceof WormholeError) return "refused";
    throw error;
  }
}
