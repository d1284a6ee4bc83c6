import { join } from "node:path";
import { keyhole } from "../../support/keyhole.ts";
import { succeed, type Party } from "./party.ts";

/** Who asks for what. */
export interface Wish {
  readonly hostType: string;
  readonly host: string;
  readonly action: string;
}

/** A challenge of keyhole that waits for its code. */
export interface OpenChallenge {
  readonly text: string;
  readonly state: string;
}

let challenges = 0;

/** `keyhole challenge new` */
export function newChallenge(directory: string, service: Party, { hostType, host, action }: Wish, words: readonly string[] = []): OpenChallenge {
  const state = join(directory, `attempt-${++challenges}`);
  const typeWords = hostType === "" ? [] : ["--host-type", hostType];
  const outcome = keyhole(["challenge", "new", "--peer", service.publicFile, ...typeWords, "--host", host, "--action", action, "--state", state, ...words]);
  return { text: succeed(outcome).stdout.trimEnd(), state };
}

/** `keyhole challenge check` @returns its exit status: 0 yes, 1 no */
export function check({ state }: OpenChallenge, code: string): number | null {
  return keyhole(["challenge", "check", "--quiet", "--state", state, "--", code]).status;
}

/** `keyhole login` @returns the authcode */
export function login(service: Party, challenge: string, words: readonly string[] = []): string {
  return succeed(keyhole(["login", "--quiet", "--key", service.keyFile, ...words, challenge])).stdout.trimEnd();
}

/** `keyhole login --batch` @returns in order, the authcodes, or where there is none the code of the error */
export function loginAll(words: readonly string[], challenges: readonly string[]): string[] {
  const { stdout } = keyhole(["login", "--batch", ...words], { input: challenges.map((challenge) => `${challenge}\n`).join("") });
  const answers = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as { authcode?: string; error?: { code: string } });
  return answers.map(({ authcode, error }) => authcode ?? error?.code ?? "");
}

/** Code of the error with which `keyhole login` refuses. */
export function refusal(service: Party, challenge: string): unknown {
  const { status, stdout } = keyhole(["login", "--quiet", "--json", "--key", service.keyFile, challenge]);
  if (status === 0) return "answered";
  return (JSON.parse(stdout) as { error: { code: unknown } }).error.code;
}

/** What a person sees of a challenge, with the codes of what is unusual in it. */
export function show(challenge: string): Wish & { readonly unusual: readonly string[] } {
  const { stdout } = succeed(keyhole(["login", "--show", "--json", challenge]));
  const { hostType, host, action, unusual } = JSON.parse(stdout) as Wish & { unusual: { code: string }[] };
  return { hostType, host, action, unusual: unusual.map(({ code }) => code) };
}

interface Parts {
  readonly keyByte: number;
  readonly clientKey: Uint8Array;
  readonly messageTagPrefix: Uint8Array;
  readonly message: string;
}

/** Takes a challenge apart, for peers that have no parser. */
export function dissect(challenge: string): Parts {
  const [, handshake = "", message = ""] = /^v[12]\/([^/]+)\/(.*)\/$/s.exec(challenge) ?? [];
  const bytes = Buffer.from(handshake, "base64url");
  // prefix(1) | client public key(32) | message tag prefix(0..32)
  return { keyByte: bytes[0]!, clientKey: bytes.subarray(1, 33), messageTagPrefix: bytes.subarray(33), message };
}

function wish(host: string, action: string, hostType = ""): Wish {
  return { hostType, host, action };
}

/** Requests whose escapes, spaces and letters differ between programs, or might. */
export const WISHES: readonly Wish[] = [
  wish("myhost", "shell=root"),
  wish("1234567890=ABCDFGH/#?", "reboot", "serial"),
  wish("h/x", "user=root;exec=/bin/mksh"),
  wish("a+b", "~!$&'()*+,;="),
  wish("hést.日本", "café 🔑"),
  wish("host name", "special action", "my type"),
  wish("[fe80..1]", "[x]"),
  wish("100%", "%2F"),
  wish("%41%zz", "%"),
  wish("\"<>\\^`{|}", "a?b#c"),
  wish("a@b", "x@y:z"),
];

/** The same for v1, which sends the action as it is, slashes and all. */
export const WISHES_V1: readonly Wish[] = [
  wish("my-server.local", "shell/root"),
  wish("1234567890=ABCDFGH/#?", "reboot", "serial-number"),
  wish("hést.日本", "exec=/bin/mksh"),
  wish("host name", "a+b", "my type"),
  wish("[fe80..1]", "x@y:z"),
  wish("100%", "a%2Fb"),
  wish("%41%zz;,", "~!$&'()*+,;="),
];
