import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { KeyholeError } from "../../../src/lib/errors.ts";
import { Wormhole } from "../../../src/lib/wormhole/wormhole.ts";
import { AUTHORITY, EXPIRED, GOOD, OTHER_HOST } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/keyhole.ts";
import { goodMailbox } from "../../support/scripted-mailbox.ts";
import { meet, meets, receiverState } from "./driver.ts";

// Whom to trust, Node reads once, when it starts: a client that trusts the
// authority of these tests is a process of its own, this file once more.
if (process.argv[2] === "client") {
  const one = new Wormhole(receiverState(), { url: process.argv[3]! });
  const met = await one.next().then(
    (event) => (event === "timeout" ? event : event.type),
    (error: unknown) => (error instanceof KeyholeError ? `${error.code} ${error.message}` : String(error)),
  );
  await one.close("lonely");
  process.stdout.write(met);
} else {
  t.test("nobody trusts it", async (t) => {
    const { url } = await goodMailbox(t, { tls: GOOD });
    await meets(t, "an unknown authority", url, "WORMHOLE_TLS", /^localhost:[0-9]+: its certificate is signed by nobody whom this machine trusts$/);
    t.match((await meet(t, url)).hint, /NODE_EXTRA_CA_CERTS/);
  });

  t.test("only one side speaks TLS", async (t) => {
    const plain = await goodMailbox(t);
    await meets(t, "we do", plain.url.replace("ws:", "wss:"), "WORMHOLE_TLS", /does not speak TLS/);
    const { url } = await goodMailbox(t, { tls: GOOD });
    const error = await meet(t, url.replace("wss:", "ws:"));
    t.match(error, { code: "WORMHOLE_CONNECT", hint: /wss:/ });
  });

  t.test("the authority is trusted", async (t) => {
    const authority = join(temporaryDirectory(t), "authority.pem");
    writeFileSync(authority, AUTHORITY);
    for (const [name, tls, met] of [
      ["a good certificate", GOOD, /^welcome$/],
      ["one that has expired", EXPIRED, /^WORMHOLE_TLS localhost:[0-9]+: its certificate has expired$/],
      ["one for another host", OTHER_HOST, /^WORMHOLE_TLS localhost:[0-9]+: its certificate is for another host$/],
    ] as const) {
      const { url } = await goodMailbox(t, { tls });
      t.match(await client(url, authority), met, name);
    }
  });
}

async function client(url: string, authority: string): Promise<string> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "client", url], { env: { ...process.env, NODE_EXTRA_CA_CERTS: authority }, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  for await (const chunk of child.stdout) out += String(chunk);
  return out;
}
