import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import * as v from "valibot";

const Answer = v.record(v.string(), v.string());

export type Answer = v.InferOutput<typeof Answer>;

/** What the peer refused, in its own words. */
export class PeerRefusal extends Error {
  override readonly name = "PeerRefusal";
}

/** A program that reads a JSON request a line and writes a JSON answer a line. */
export class LinePeer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string, undefined>;
  #complaints = "";

  constructor(command: string, words: readonly string[] = []) {
    this.#process = spawn(command, words);
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.#complaints += chunk.toString();
    });
    // Writing to one that has died; the missing answer tells.
    this.#process.stdin.on("error", () => undefined);
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /**
   * One request at a time.
   *
   * @throws {PeerRefusal} where the peer answers with an error
   */
  async ask(request: Readonly<Record<string, string | number | undefined>>): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`peer ended without an answer: ${this.#complaints}`);
    const answer = v.parse(Answer, JSON.parse(value));
    if (answer.error !== undefined) throw new PeerRefusal(answer.error);
    return answer;
  }

  /** Lets the peer read the end of its input, at which it exits. */
  close(): void {
    this.#process.stdin.end();
  }
}
