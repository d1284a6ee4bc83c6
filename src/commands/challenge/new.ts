import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { wipe } from "../../lib/bytes.ts";
import { UsageError } from "../../lib/errors.ts";
import { readFile, writeNewFile } from "../../lib/files.ts";
import { encodeState, makeChallenge, type ChallengeOptions } from "../../lib/glome/challenger.ts";
import { TAG_LENGTH } from "../../lib/glome/dialog.ts";
import { MAX_INDEX } from "../../lib/glome/handshake.ts";
import { PrivateKey } from "../../lib/glome/private-key.ts";
import { KEY_LENGTH } from "../../lib/glome/public-key.ts";
import { readLoginConfig, type LoginConfig } from "../../lib/glome/login-config.ts";
import { nodePrimitives } from "../../lib/glome/node-primitives.ts";
import { MIN_AUTHCODE_LENGTH } from "../../lib/glome/tag-text.ts";
import { renderQr } from "../../lib/terminal/qr.ts";
import { encodeUtf8, parseUtf8 } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson, writeResult } from "../io.ts";
import { readPublicKey } from "../peer-dialog.ts";
import { EXIT_OK } from "../report.ts";

/** More than any glome-login configuration needs. */
export const MAX_CONFIG_LENGTH = 256 * 1024;

/** keyhole challenge new */
export function challengeNew(args: Arguments): number {
  const state = args.required("state");
  const configPath = args.optional("config");
  const config = configPath === undefined ? {} : readConfig(configPath);
  const options = readOptions(args, config);

  const secret = randomBytes(KEY_LENGTH);
  const clientKey = new PrivateKey(secret, nodePrimitives);
  wipe(secret);
  const pending = makeChallenge(options, clientKey);
  const contents = encodeUtf8(encodeState(pending));
  clientKey.destroy();
  writeNewFile(state, "state file", contents);
  wipe(contents);

  const shown = `${config.prompt ?? ""}${pending.challenge}`;
  try {
    if (args.flag("json")) writeJson({ challenge: pending.challenge, prompt: config.prompt ?? "", state });
    else writeResult(`${shown}\n`);
  } catch (error) {
    // Nobody saw the challenge, so nobody can answer it.
    rmSync(state, { force: true });
    throw error;
  }
  if (args.flag("qr")) say(renderQr(shown));
  return EXIT_OK;
}

function readConfig(path: string): LoginConfig {
  const text = parseUtf8(readFile(path, "configuration", MAX_CONFIG_LENGTH).bytes, `configuration ${path}`);
  const { config, findings } = readLoginConfig(text);
  // A key may come by --peer, so that is not for the file to answer for.
  const wrong = findings.find(({ severity, code }) => severity === "error" && code !== "no-public-key");
  if (wrong !== undefined) {
    throw new UsageError("CONFIG", `configuration ${path} line ${wrong.line}: ${wrong.message}`, { hint: `see keyhole challenge lint ${path}` });
  }
  return config;
}

function readOptions(args: Arguments, config: LoginConfig): ChallengeOptions {
  if (args.flag("prefix") && args.isGiven("index")) {
    throw new UsageError("USAGE_KEYS", "--index and --prefix are both given, expected one of them", { hint: args.usageHint });
  }
  const serviceKey = args.isGiven("peer") || config.publicKey === undefined ? readPublicKey(args.required("peer")) : config.publicKey;
  const index = args.isGiven("index") ? args.number("index", 0, MAX_INDEX) : config.keyVersion;
  return {
    version: args.required("protocol") === "v1" ? "v1" : "v2",
    serviceKey,
    request: {
      hostType: args.optional("host-type") ?? config.hostIdType ?? "",
      host: args.isGiven("host") ? args.required("host") : (config.hostId ?? args.required("host")),
      action: args.required("action"),
    },
    index: args.flag("prefix") ? undefined : index,
    messageTagLength: args.number("tag-prefix", 0, TAG_LENGTH),
    minAuthcodeLength: config.minAuthcodeLength ?? MIN_AUTHCODE_LENGTH,
  };
}
