import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Interrupted, UsageError } from "../../lib/errors.ts";
import { readFile, type FileContents } from "../../lib/files.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import { formatHost } from "../../lib/wormhole/server/address.ts";
import type { TlsFiles } from "../../lib/wormhole/server/listener.ts";
import { startMailboxServer, type MailboxServer, type MailboxServerOptions } from "../../lib/wormhole/server/server.ts";
import type { Arguments } from "../arguments.ts";
import { readDuration } from "../duration.ts";
import { say, writeJson } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { makeStateDirectory } from "../state-directory.ts";
import { parseListenAddress } from "./listen-address.ts";
import { readPath } from "./path-word.ts";

const MAX_CONNECTIONS = 1_000_000;
const MIN_MESSAGE = 1024;
const MAX_MESSAGE = 128 * 1024 * 1024;
const MAX_CLAIMS = 1_000_000;
const MAX_MOTD_LENGTH = 5000;
const MAX_PEM_LENGTH = 1024 * 1024;

/** keyhole invite mailbox */
export async function mailbox(args: Arguments): Promise<number> {
  // Connections come in bursts and then idle: what V8 would set aside for the
  // next burst is as much as thousands of them take.
  setFlagsFromString("--semi-space-growth-factor=1");
  const server = await startMailboxServer(readOptions(args));
  const interruption = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (signal === "SIGINT") interruption.abort(new Interrupted());
    void server.stop();
  };
  // The first signal ends it well, the second one at once.
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    announce(args, server);
    await server.ended;
    interruption.signal.throwIfAborted();
    return EXIT_OK;
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, stop);
    await server.stop();
  }
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** @throws {UsageError}; {FileError} */
function readOptions(args: Arguments): MailboxServerOptions {
  const tls = readTls(args);
  const motd = args.optional("motd");
  if (motd !== undefined && motd.length > MAX_MOTD_LENGTH) {
    throw new UsageError("USAGE_MOTD", `--motd is ${motd.length} characters, expected at most ${MAX_MOTD_LENGTH}`, { hint: args.usageHint });
  }
  return {
    listen: [parseListenAddress(args.required("listen"))],
    idleMs: readDuration(args, "idle"),
    maxConnections: args.number("max-connections", 1, MAX_CONNECTIONS),
    maxMessage: args.number("max-message", MIN_MESSAGE, MAX_MESSAGE),
    allowList: !args.flag("disallow-list"),
    ...(motd === undefined ? {} : { motd }),
    ...(args.isGiven("claims-per-minute") ? { claimsPerMinute: args.number("claims-per-minute", 1, MAX_CLAIMS) } : {}),
    ...(tls === undefined ? {} : { tls }),
    log: (line) => {
      if (!args.flag("quiet")) say(escapeForTerminal(line));
    },
    // Last, as it makes a directory.
    db: readPath(args, "db") ?? join(makeStateDirectory(process.env), "mailbox.db"),
  };
}

/** @throws {UsageError} USAGE_TLS; {FileError} FILE_… */
function readTls(args: Arguments): TlsFiles | undefined {
  const cert = readPath(args, "tls-cert");
  const key = readPath(args, "tls-key");
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError("USAGE_TLS", `--tls-${cert === undefined ? "key" : "cert"} needs --tls-${cert === undefined ? "cert" : "key"}`, { hint: args.usageHint });
  }
  const keyFile = readFile(key, "TLS private key", MAX_PEM_LENGTH);
  warnOfReaders(args, key, keyFile);
  return { cert: readFile(cert, "TLS certificate", MAX_PEM_LENGTH).bytes, key: keyFile.bytes };
}

function warnOfReaders(args: Arguments, path: string, { readableByOthers }: FileContents): void {
  if (readableByOthers && !args.flag("quiet")) say(`warning: TLS private key ${escapeForTerminal(path)} can be read by others`);
}

function announce(args: Arguments, { addresses }: MailboxServer): void {
  const scheme = args.optional("tls-cert") === undefined ? "ws" : "wss";
  for (const { host, port } of addresses) {
    const url = `${scheme}://${formatHost(host)}:${port}/v1`;
    if (args.flag("json")) writeJson({ event: "listening", url });
    else if (!args.flag("quiet")) say(`listening at ${escapeForTerminal(url)}; Ctrl-C ends it`);
  }
}
