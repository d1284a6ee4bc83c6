import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { output, start } from "../support/programs.ts";
import { plugIn } from "../support/virtual.ts";

// Debian's fido2-token, fido2-cred and fido2-assert, which ask for a PIN on
// standard input where they have no terminal.

const PIN = "correct horse\n";
const HASH = createHash("sha256").update("client data").digest("base64");
const USER_ID = Buffer.from("user handle").toString("base64");
const SALT = createHash("sha256").update("salt").digest("base64");

writeFileSync("/tmp/cred-input", `${HASH}\nexample.com\nalice\n${USER_ID}\n`);

test("Debian's tools of libfido2 drive the card", async (t) => {
  const { node } = await plugIn(t);

  // First, as a reset is possible only for 10 seconds after power came.
  await t.test("fido2-token resets it", async () => {
    await output(["fido2-token", "-R", node]);
  });

  await t.test("fido2-token lists it and shows what it says of itself", async () => {
    assert.match(await output(["fido2-token", "-L"]), new RegExp(`^${node}: vendor=0x1209, product=0x0001`));
    const info = await output(["fido2-token", "-I", node]);
    for (const line of [/^proto: 0x02$/m, /^caps: .*wink, cbor, msg/m, /^version strings: .*FIDO_2_1/m, /^options: .*rk, up/m, /^pin protocols: /m]) assert.match(info, line);
  });

  const kinds: readonly (readonly [string, ...string[]])[] = [["es256"], ["eddsa"], ["es256", "-h"], ["es256", "-u"]];
  for (const [type, ...options] of kinds) {
    await t.test(`fido2-cred and fido2-assert make, verify and use a credential: ${[type, ...options].join(" ")}`, async () => {
      const made = await output(["fido2-cred", "-M", ...options, "-i", "/tmp/cred-input", node, type]);
      const verifyOptions = options.filter((option) => option !== "-u");
      const [id = "", ...pem] = (await output(["fido2-cred", "-V", ...verifyOptions, type], { input: made })).split("\n");
      writeFileSync("/tmp/key.pem", pem.join("\n"));
      const isHmac = options.includes("-h");
      const asserted = await output(["fido2-assert", "-G", ...options, node], { input: `${HASH}\nexample.com\n${id}\n${isHmac ? `${SALT}\n` : ""}` });
      await output(["fido2-assert", "-V", ...verifyOptions, "/tmp/key.pem", type], { input: asserted });
      if (isHmac) assert.equal(Buffer.from(asserted.trimEnd().split("\n").at(-1) ?? "", "base64").length, 32);
    });
  }

  await t.test("fido2-token sets and changes the PIN, and a wrong one counts", async () => {
    await output(["fido2-token", "-S", node], { input: "battery\nbattery\n" });
    assert.match(await output(["fido2-token", "-I", node]), /^options: .*\bclientPin\b/m);
    const wrong = await start(["fido2-token", "-C", node], { input: `staple\n${PIN}${PIN}` }).end();
    assert.notEqual(wrong.status, 0);
    assert.match(await output(["fido2-token", "-I", node]), /^pin retries: 7$/m);
    await output(["fido2-token", "-C", node], { input: `battery\n${PIN}${PIN}` });
    assert.match(await output(["fido2-token", "-I", node]), /^pin retries: 8$/m);
  });

  await t.test("a discoverable credential is made with the PIN, found, listed, given a large blob, and deleted", async () => {
    const made = (await output(["fido2-cred", "-M", "-r", "-v", "-b", "-i", "/tmp/cred-input", node], { input: PIN })).trimEnd().split("\n");
    // The key for large blobs comes last, where `-V` would take it for a certificate.
    writeFileSync("/tmp/blob-key", made.pop() ?? "");
    const [id = "", ...pem] = (await output(["fido2-cred", "-V", "-v"], { input: `${made.join("\n")}\n` })).split("\n");
    writeFileSync("/tmp/key.pem", pem.join("\n"));

    writeFileSync("/tmp/assert-input", `${HASH}\nexample.com\n`);
    const asserted = await output(["fido2-assert", "-G", "-r", "-v", "-i", "/tmp/assert-input", node], { input: PIN });
    await output(["fido2-assert", "-V", "-v", "/tmp/key.pem"], { input: asserted });

    assert.match(await output(["fido2-token", "-L", "-r", node], { input: PIN }), /example\.com/);
    assert.ok((await output(["fido2-token", "-L", "-k", "example.com", node], { input: PIN })).includes(id));

    // Longer than a message.
    const blob = randomBytes(2500);
    writeFileSync("/tmp/blob", blob);
    await output(["fido2-token", "-S", "-b", "-k", "/tmp/blob-key", "/tmp/blob", node], { input: PIN });
    await output(["fido2-token", "-G", "-b", "-k", "/tmp/blob-key", "/tmp/blob-read", node]);
    assert.deepEqual(readFileSync("/tmp/blob-read"), blob);

    await output(["fido2-token", "-D", "-i", id, node], { input: PIN });
    const listed = await start(["fido2-token", "-L", "-r", node], { input: PIN }).end();
    assert.match(listed.stderr, /FIDO_ERR_NO_CREDENTIALS/);
  });
});
