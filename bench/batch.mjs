// `keyhole login --batch` against the least that answering can be.
import { createHmac, createPrivateKey, createPublicKey, diffieHellman, randomBytes } from "node:crypto";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { median, runOverFile } from "./measure.mjs";

const RATE_LIMIT = 0.8;
const MEMORY_LIMIT = 1.2;
const MEMORY_ALLOWANCE = 24 * 1024 * 1024;

const KEY_LENGTH = 32;

/** As many client keys as make caches useless. */
const DISTINCT_KEYS = 4096;

export async function batch(program, directory, { lines, rounds, memoryLines }) {
  const secret = randomBytes(KEY_LENGTH);
  const key = join(directory, "0-bench.key");
  writeFileSync(key, secret, { mode: 0o600 });
  const privateKey = createPrivateKey({ format: "jwk", key: { kty: "OKP", crv: "X25519", x: "", d: secret.toString("base64url") } });
  const service = Buffer.from(createPublicKey(privateKey).export({ format: "jwk" }).x, "base64url");
  // Any 255 bits are a public key. Generated ones would have to be exported as
  // JWK, in which Node 20 can wait for itself for ever.
  const handshakes = Array.from({ length: DISTINCT_KEYS }, () => {
    const client = randomBytes(KEY_LENGTH);
    client[KEY_LENGTH - 1] &= 0x7f;
    return Buffer.concat([Buffer.from([0x80]), client]).toString("base64url");
  });

  const words = [program, "login", "--batch", "--key", key];
  const input = join(directory, "challenges");
  writeChallenges(input, lines, handshakes, "shell=root");
  const rates = [];
  for (let round = 0; round < rounds; round++) {
    const bare = bareRate(privateKey, service, handshakes, lines / 3);
    const { cpu, wall } = await runOverFile(words, input);
    rates.push({ ratio: lines / cpu / bare, rate: lines / cpu, bare, cores: cpu / wall });
  }
  const of = (name) => median(rates.map((round) => round[name]));

  const small = join(directory, "small");
  const large = join(directory, "large");
  const padding = "x".repeat(1024 - handshakes[0].length - "v2//host-1234567/a=/".length);
  writeChallenges(small, memoryLines / 4, handshakes, `a=${padding}`);
  writeChallenges(large, memoryLines, handshakes, `a=${padding}`);
  const smallPeak = (await runOverFile(words, small)).peak;
  const largePeak = (await runOverFile(words, large)).peak;
  const mib = (bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

  return [
    {
      name: "login --batch, answers per processor second / bare loop",
      ratio: of("ratio"),
      limit: RATE_LIMIT,
      isMost: false,
      detail: `${of("rate").toFixed(0)} / ${of("bare").toFixed(0)} a second, ${of("cores").toFixed(1)} of ${availableParallelism()} cores busy`,
    },
    {
      name: `login --batch, memory for ${memoryLines} lines of 1 kB / ${memoryLines / 4}, less 24 MiB`,
      ratio: (largePeak - MEMORY_ALLOWANCE) / smallPeak,
      limit: MEMORY_LIMIT,
      isMost: true,
      detail: `${mib(largePeak)} / ${mib(smallPeak)}`,
    },
  ];
}

/** base64url, JWK import, X25519 and one HMAC, and nothing else. @returns how many a processor second */
function bareRate(privateKey, service, handshakes, count) {
  const message = Buffer.from("host-1234567/shell=root");
  const counter = Buffer.from([0]);
  const begin = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const client = Buffer.from(handshakes[i % handshakes.length], "base64url").subarray(1);
    const publicKey = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "X25519", x: client.toString("base64url") } });
    const secret = diffieHellman({ privateKey, publicKey });
    createHmac("sha256", Buffer.concat([secret, client, service])).update(counter).update(message).digest("base64url");
  }
  const { user, system } = process.cpuUsage(begin);
  return count / ((user + system) / 1e6);
}

function writeChallenges(path, count, handshakes, action) {
  const file = openSync(path, "w");
  for (let i = 0; i < count; i += 1000) {
    let text = "";
    for (let j = i; j < Math.min(i + 1000, count); j++) text += `v2/${handshakes[j % handshakes.length]}/host-${1000000 + j}/${action}/\n`;
    writeSync(file, text);
  }
  closeSync(file);
}
