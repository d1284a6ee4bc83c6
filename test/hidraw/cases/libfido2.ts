import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
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

test("fido2-token lists the card and shows what it says of itself", async (t) => {
  const { node } = await plugIn(t);
  assert.match(await output(["fido2-token", "-L"]), new RegExp(`^${node}: vendor=0x[0-9a-f]{4}, product=0x[0-9a-f]{4}`));
  const info = await output(["fido2-token", "-I", node]);
  for (const line of [/^proto: 0x02$/m, /^caps: .*wink, cbor, msg/m, /^version strings: .*FIDO_2_1/m, /^options: .*rk, up/m, /^pin protocols: /m]) assert.match(info, line);
});

test("credentials of every type that libfido2 makes, with and without hmac-secret, are verified and sign", async (t) => {
  const { node } = await plugIn(t);
  const kinds: readonly (readonly [string, ...string[]])[] = [["es256"], ["eddsa"], ["es256", "-h"], ["es256", "-u"]];
  for (const [type, ...options] of kinds) {
    await t.test([type, ...options].join(" "), async () => {
      const made = await output(["fido2-cred", "-M", ...options, "-i", "/tmp/cred-input", node, type]);
      const verified = await output(["fido2-cred", "-V", ...options.filter((option) => option !== "-u"), type], { input: made });
      const [id = "", ...pem] = verified.split("\n");
      writeFileSync("/tmp/key.pem", pem.join("\n"));
      const isHmac = options.includes("-h");
      const asserted = await output(["fido2-assert", "-G", ...options, node], { input: `${HASH}\nexample.com\n${id}\n${isHmac ? `${SALT}\n` : ""}` });
      await output(["fido2-assert", "-V", ...options.filter((option) => option !== "-u"), "/tmp/key.pem", type], { input: asserted });
      if (isHmac) assert.equal(Buffer.from(asserted.trimEnd().split("\n").at(-1) ?? "", "base64").length, 32);
    });
  }
});

test("fido2-token sets the PIN; a discoverable credential is made, found, listed, given a blob and deleted with it", async (t) => {
  const { node } = await plugIn(t);
  await output(["fido2-token", "-S", node], { input: PIN + PIN });
  assert.match(await output(["fido2-token", "-I", node]), /^options: .*\bclientPin\b/m);

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

  writeFileSync("/tmp/blob", "a blob".repeat(100));
  await output(["fido2-token", "-S", "-b", "-k", "/tmp/blob-key", "/tmp/blob", node], { input: PIN });
  rmSync("/tmp/blob-read", { force: true });
  await output(["fido2-token", "-G", "-b", "-k", "/tmp/blob-key", "/tmp/blob-read", node]);
  assert.equal(readFileSync("/tmp/blob-read", "utf8"), "a blob".repeat(100));

  await output(["fido2-token", "-D", "-i", id, node], { input: PIN });
  assert.doesNotMatch(await output(["fido2-token", "-L", "-r", node], { input: PIN }), /example\.com/);
});

test("fido2-token changes the PIN, and a wrong one counts", async (t) => {
  const { node } = await plugIn(t);
  await output(["fido2-token", "-S", node], { input: PIN + PIN });
  const wrong = await start(["fido2-token", "-C", node], { input: "battery\nstaple\nstaple\n" }).end();
  assert.notEqual(wrong.status, 0);
  assert.match(await output(["fido2-token", "-I", node]), /^pin retries: 7$/m);
  await output(["fido2-token", "-C", node], { input: `${PIN}staple\nstaple\n` });
  assert.match(await output(["fido2-token", "-I", node]), /^pin retries: 8$/m);
});

test("fido2-token resets the card", async (t) => {
  const { node } = await plugIn(t);
  await output(["fido2-token", "-R", node]);
});
