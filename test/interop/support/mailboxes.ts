import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { KEYHOLE, temporaryDirectory } from "../../support/keyhole.ts";
import { installed } from "./installed.ts";
import { Program, type Command, type Teardown } from "./program.ts";

export type MailboxKind = "keyhole" | "magic-wormhole";

/** Does the same with the server of each kind, side by side. */
export async function forEachMailbox(t: Test, act: (t: Test, kind: MailboxKind) => Promise<void>): Promise<void> {
  const kinds: readonly MailboxKind[] = ["keyhole", "magic-wormhole"];
  t.jobs = kinds.length;
  await Promise.all(kinds.map((kind) => t.test(`with the mailbox server of ${kind}`, (t) => act(t, kind))));
}

/** A mailbox server that runs for one test, its database in a directory of its own. */
export class Mailbox {
  readonly kind: MailboxKind;
  readonly #t: Teardown;
  readonly #directory: string;
  readonly #more: readonly string[];
  #program!: Program;
  #port = 0;

  private constructor(t: Teardown, kind: MailboxKind, more: readonly string[]) {
    this.kind = kind;
    this.#t = t;
    this.#directory = temporaryDirectory(t);
    this.#more = more;
  }

  /** @param more - words for its command line */
  static async start(t: Teardown, kind: MailboxKind, more: readonly string[] = []): Promise<Mailbox> {
    const mailbox = new Mailbox(t, kind, more);
    await mailbox.#start();
    return mailbox;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/v1`;
  }

  /** As by a crash or the power going. */
  async stop(): Promise<void> {
    this.#program.kill("SIGKILL");
    await this.#program.ended;
  }

  /** Starts it again where it was, the same port. */
  async startAgain(database: "kept" | "lost"): Promise<void> {
    if (database === "lost") {
      for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(this.#database + end, { force: true });
    } else if (!existsSync(this.#database)) {
      throw new Error(`${this.kind} has written no database`);
    }
    await this.#start();
  }

  get #database(): string {
    return join(this.#directory, "mailbox.sqlite");
  }

  async #start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const program = new Program(this.#t, this.#command, { cwd: this.#directory, isUnbounded: true });
      this.#program = program;
      try {
        const [, port] = await program.expect("stdout", this.kind === "keyhole" ? /"url":"wss?:\/\/127\.0\.0\.1:(\d+)\/v1"/ : / starting on (\d+)/);
        this.#port = Number(port);
        return;
      } catch (error) {
        // A client that tries to come back may have been given the very port to come from.
        if (this.#port === 0 || attempt === 5) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  get #command(): Command {
    if (this.kind === "keyhole") {
      return [process.execPath, KEYHOLE, "invite", "mailbox", "--listen", `127.0.0.1:${this.#port}`, "--db", this.#database, "--json", ...this.#more];
    }
    return [
      installed("wormhole/bin/twist"), "--log-format=text", "wormhole-mailbox", `--port=tcp:${this.#port}:interface=127.0.0.1`,
      `--channel-db=${this.#database}`, `--usage-db=${join(this.#directory, "usage.sqlite")}`, ...this.#more,
    ];
  }
}
