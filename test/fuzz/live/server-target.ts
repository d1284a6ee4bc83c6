import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Random } from "../random.ts";
import { attack } from "./attacker.ts";
import { exchange } from "./honest.ts";
import { compareMemory, within, type LiveOptions, type LiveResult, type Memory } from "./live.ts";

const ATTACKERS = 6;
const HONEST_PAIRS = 2;
/** Of the server, beyond which it ends. */
const HEAP_MB = 128;

/**
 * The mailbox server, attacked over several connections at once, while honest
 * pairs go on meeting: each malformed frame is answered by an error, all honest
 * exchanges succeed, the server stays and keeps no memory.
 */
export async function attackServer({ seed, count }: LiveOptions): Promise<LiveResult> {
  const server = await Attacked.start();
  let malformed = 0;
  let slowestMs = 0;
  let connections = 0;
  let exchanges = 0;
  const attackUpTo = async (limit: number): Promise<void> => {
    const work = async (): Promise<void> => {
      while (malformed < limit) {
        const result = await attack(server.url, new Random(seed, connections++));
        malformed += result.malformed;
        slowestMs = Math.max(slowestMs, result.slowestMs);
      }
    };
    await Promise.all(Array.from({ length: ATTACKERS }, work));
  };
  let isOver = false;
  const meet = async (): Promise<void> => {
    while (!isOver) {
      await exchange(server.url);
      exchanges += 1;
    }
  };
  const meeting = Promise.all(Array.from({ length: HONEST_PAIRS }, meet));
  meeting.catch(() => undefined);
  const attacking = async (): Promise<{ readonly before: Memory }> => {
    await attackUpTo(count / 5);
    const before = await server.memory();
    await attackUpTo(count);
    isOver = true;
    return { before };
  };
  const { before } = await Promise.race([attacking(), meeting.then(attacking), server.ended]);
  await meeting;
  assert(exchanges > 0);
  await exchange(server.url);
  const detail = compareMemory(before, await server.memory());
  await server.stop();
  return { count: malformed, slowestMs, detail: `${connections} connections beside ${exchanges} honest exchanges; ${detail}` };
}

class Attacked {
  readonly url: string;
  /** Fails where the server ends or logs anything before it is told to end. */
  readonly ended: Promise<never>;
  readonly #child;

  private constructor(child: ReturnType<typeof fork>, port: number) {
    this.#child = child;
    this.url = `ws://127.0.0.1:${port}/v1`;
    this.ended = new Promise((_, reject) => {
      child.on("exit", (code, signal) => reject(new Error(`the server ended with ${code ?? signal ?? ""}`)));
      child.on("message", ({ log }: { readonly log?: string }) => {
        if (log !== undefined) reject(new Error(`the server says: ${log}`));
      });
    });
    this.ended.catch(() => undefined);
  }

  static async start(): Promise<Attacked> {
    const child = fork(fileURLToPath(new URL("./mailbox.mjs", import.meta.url)), { execArgv: ["--expose-gc", `--max-old-space-size=${HEAP_MB}`] });
    process.on("exit", () => child.kill("SIGKILL"));
    const [{ port }] = (await within("the start of the server", once(child, "message"))) as [{ readonly port: number }];
    return new Attacked(child, port);
  }

  async memory(): Promise<Memory> {
    const answer = once(this.#child, "message") as Promise<[{ readonly memory: Memory }]>;
    this.#child.send("memory");
    const [{ memory }] = await Promise.race([within("measuring memory", answer), this.ended]);
    return memory;
  }

  async stop(): Promise<void> {
    const metrics = await (await fetch(this.url.replace(/^ws(.*)v1$/, "http$1metrics"))).text();
    assert.match(metrics, /^keyhole_mailbox_healthy 1$/m);
    assert.match(metrics, /^keyhole_mailbox_store_errors_total 0$/m);
    this.#child.removeAllListeners("exit");
    const exit = once(this.#child, "exit");
    this.#child.send("stop");
    const [code] = (await within("stopping the server", exit)) as [number];
    assert.equal(code, 0, "the server ends with an error");
  }
}
