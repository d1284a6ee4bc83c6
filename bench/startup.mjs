// How long the commands of scripts take, against Node doing nothing.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareProcesses } from "./measure.mjs";

const LIMIT = 1.3;

// The keys of GLOME's published test vectors; nobody uses them.
const KEY = Buffer.from("fee1dead".repeat(8), "hex");
const PEER = "glome-v1 0baUG7oSC80THzNdoVd42caNrdOYrmHPjn2USE7mVkc=\n";
const MESSAGE = "The quick brown fox";
const TAG = "BkdvHzFLBsf5bl3GKyMIJoy9thQK7-61WUBzGGMDInc=";
const CHALLENGE = "v2/gIUg8AmJMKdUdIt93LQ-91oNvzoNJjga9OukqY6qm05q/myhost/exec=%2Fbin%2Fsh/";

export function startup(program, directory, { runs }) {
  const key = join(directory, "k");
  const peer = join(directory, "peer.pub");
  writeFileSync(key, KEY, { mode: 0o600 });
  writeFileSync(peer, PEER);
  const commands = {
    genkey: { words: ["genkey"] },
    pubkey: { words: ["pubkey"], input: KEY },
    tag: { words: ["tag", "-k", key, "-p", peer], input: MESSAGE },
    verify: { words: ["verify", "-k", key, "-p", peer, "-c", "100", "-t", TAG], input: MESSAGE },
    login: { words: ["login", "-k", key, CHALLENGE] },
  };
  return Object.entries(commands).map(([name, { words, input }]) => {
    const { ratio, ms, otherMs } = compareProcesses([program, ...words], ["-e", "0"], { runs, input });
    return { name: `${name}, whole process / node -e 0`, ratio, limit: LIMIT, isMost: true, detail: `${ms.toFixed(0)} ms / ${otherMs.toFixed(0)} ms` };
  });
}
