import { once } from "node:events";
import * as v from "valibot";
import WebSocket from "ws";
import type { Teardown } from "./program.ts";

const Message = v.looseObject({ type: v.string() });

type Message = v.InferOutput<typeof Message>;

/** One side at a mailbox server that sends what a test says and nothing else. */
export class BareSide {
  readonly #socket: WebSocket;
  readonly #messages: Message[] = [];
  #onMessage: () => void = () => undefined;

  private constructor(t: Teardown, url: string) {
    this.#socket = new WebSocket(url);
    t.teardown(() => {
      this.#socket.terminate();
    });
    this.#socket.on("message", (data: Buffer) => {
      this.#messages.push(v.parse(Message, JSON.parse(data.toString())));
      this.#onMessage();
    });
  }

  static async connect(t: Teardown, url: string, appid: string, side: string): Promise<BareSide> {
    const bare = new BareSide(t, url);
    await once(bare.#socket, "open");
    bare.send({ type: "bind", appid, side });
    return bare;
  }

  send(message: Message): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The next message of this type; others before it are dropped. */
  async receive(type: string): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message?.type === type) return message;
      if (message === undefined) {
        await new Promise<void>((resolve) => {
          this.#onMessage = resolve;
        });
      }
    }
  }

  /** Claims a nameplate and opens its mailbox. */
  async join(nameplate: string): Promise<void> {
    this.send({ type: "claim", nameplate });
    const { mailbox } = await this.receive("claimed");
    this.send({ type: "open", mailbox });
  }

  /** The nameplates in use. */
  async list(): Promise<readonly string[]> {
    this.send({ type: "list" });
    const { nameplates } = v.parse(v.looseObject({ nameplates: v.array(v.looseObject({ id: v.string() })) }), await this.receive("nameplates"));
    return nameplates.map(({ id }) => id);
  }

  close(): void {
    this.#socket.close();
  }
}
