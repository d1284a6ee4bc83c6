import { createServer, type AddressInfo } from "node:net";
import { randomBytes } from "node:crypto";
import type { Test } from "tap";
import { newReceiver } from "../../src/lib/wormhole/state.ts";
import { startMailboxServer, type MailboxServerOptions } from "../../src/lib/wormhole/server/server.ts";
import { Wormhole, type WormholeEvent } from "../../src/lib/wormhole/wormhole.ts";
import { BareSide } from "../interop/support/bare-side.ts";
import { Program, type Ending, type ProgramOptions } from "../interop/support/program.ts";
import { KEYHOLE } from "./keyhole.ts";

export const TEXT_APPID = "lothar.com/wormhole/text-or-file-xfer";

export interface TestMailbox {
  readonly url: string;
  readonly port: number;
  /** Ends it before the test does. */
  readonly stop: () => Promise<void>;
  /** The nameplates that are in use. */
  readonly list: () => Promise<readonly string[]>;
}

/** A mailbox server in memory that ends with the test. */
export async function startMailbox(t: Test, options: Partial<MailboxServerOptions> & { readonly port?: number } = {}): Promise<TestMailbox> {
  const { port = 0, ...more } = options;
  const server = await startMailboxServer({ listen: [{ host: "127.0.0.1", port }], db: ":memory:", ...more });
  t.teardown(() => server.stop());
  const own = server.addresses[0]!.port;
  const url = `ws://127.0.0.1:${own}/v1`;
  return {
    url,
    port: own,
    stop: () => server.stop(),
    list: async () => {
      const side = await bareSide(t, url);
      const nameplates = await side.list();
      side.close();
      return nameplates;
    },
  };
}

/** An address of a mailbox server that counts who comes, and turns everybody away. */
export async function startNowhere(t: Test): Promise<{ readonly url: string; readonly count: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  t.teardown(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, count: () => connections };
}

/** `keyhole invite` with these words, which ends with the test. */
export function invite(t: Test, words: readonly string[], options?: ProgramOptions): Program {
  return new Program(t, [process.execPath, KEYHOLE, "invite", ...words], options);
}

export interface Issued {
  readonly code: string;
  readonly program: Program;
}

/** `keyhole invite create`, once it has printed its code. */
export async function create(t: Test, url: string, words: readonly string[], options?: ProgramOptions): Promise<Issued> {
  const program = invite(t, ["create", "--mailbox", url, ...words], options);
  const [, code = ""] = await program.expect("stdout", words.includes("--json") ? /"event":"code","code":"([^"]+)".*\n/ : /^(\d+-\S+)\n/);
  return { code, program };
}

export function accept(t: Test, url: string, words: readonly string[], options?: ProgramOptions): Promise<Ending> {
  return invite(t, ["accept", "--mailbox", url, ...words], options).ended;
}

/** The events of `--json`, which are all that there is on standard output. */
export function eventsOf({ stdout }: Ending): readonly Readonly<Record<string, unknown>>[] {
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
}

export function eventNames(ending: Ending): readonly unknown[] {
  return eventsOf(ending).map(({ event }) => event);
}

/** One side that says what a test says and nothing else. */
export function bareSide(t: Test, url: string, appid = TEXT_APPID, side = randomBytes(5).toString("hex")): Promise<BareSide> {
  return BareSide.connect(t, url, appid, side);
}

export function nameplateOf(code: string): string {
  return code.slice(0, code.indexOf("-"));
}

/** The code with another first word. */
export function wrongCode(code: string): string {
  return `${nameplateOf(code)}-adroitness-${code.includes("-adroitness-") ? "absurd" : "aardvark"}`;
}

/** Another program that has the code: a wormhole once the other side is verified. */
export async function receiver(t: Test, url: string, code: string, { appid = TEXT_APPID, appVersions = {} }: { readonly appid?: string; readonly appVersions?: Readonly<Record<string, never>> } = {}): Promise<Wormhole> {
  const wormhole = new Wormhole(newReceiver({ appid, code, appVersions }), { url });
  t.teardown(() => void wormhole.disconnect());
  await until(wormhole, "verified");
  return wormhole;
}

/** The next event of a type; others before it are dropped. */
export async function until<Type extends WormholeEvent["type"]>(wormhole: Wormhole, type: Type): Promise<WormholeEvent & { readonly type: Type }> {
  for (;;) {
    const event = await wormhole.next(Date.now() + 20_000);
    if (event === "timeout") throw new Error(`no ${type} came`);
    if (event.type === type) return event as WormholeEvent & { readonly type: Type };
  }
}

/** A script of bash, in which `keyhole` is the built program and `$URL` a mailbox server. */
export function shellProgram(t: Test, script: string, url: string, cwd?: string): Program {
  const command = ["bash", "-c", `keyhole() { "$NODE" "$KEYHOLE" "$@"; }\n${script}`] as const;
  return new Program(t, [...command], { env: { NODE: process.execPath, KEYHOLE, URL: url }, ...(cwd === undefined ? {} : { cwd }) });
}

export function shell(t: Test, script: string, url: string, cwd?: string): Promise<Ending> {
  return shellProgram(t, script, url, cwd).ended;
}
