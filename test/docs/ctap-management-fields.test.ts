import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { hashRpId } from "../../src/lib/ctap/hash.ts";
import { ctap, getInfo, recordingCard } from "../support/ctap.ts";
import { temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { legacyPin } from "../support/pin-card.ts";
import { checkFields, type Fields } from "./documented-fields.ts";

// The same as ctap-fields.test.ts, for the commands that manage a card.

const OUTPUT = "OUTPUT FORMAT";

const cwd = temporaryDirectory(t);
writeFiles(cwd, { pin: "7392\n", blob: "any" });

async function runJson(device: string, ...words: readonly string[]): Promise<Fields> {
  const [outcome] = await ctap(cwd, [...words, "--json", "--device", device]);
  return JSON.parse(outcome!.stdout) as Fields;
}

t.test("credentials", async (t) => {
  const page = "keyhole-ctap-credentials.1";
  const pin = legacyPin("7392");
  const credential = cborMap([6, cborMap(["id", Uint8Array.of(1)])], [7, cborMap(["id", Uint8Array.of(2)], ["type", "public-key"])], [8, cborMap([3, -7])], [9, 1], [10, 2], [12, false]);
  const { uri } = await recordingCard(t, getInfo({ credMgmt: true, clientPin: true }), ({ command, params }) => {
    if (command === 0x06) return pin.reply(params);
    switch (params.get(1)) {
      case 1:
        return cborMap([1, 1], [2, 24]);
      case 2:
        return cborMap([3, cborMap(["id", "example.com"])], [4, hashRpId("example.com")], [5, 1]);
      case 4:
        return credential;
      default:
        return new Map();
    }
  });
  const run = (command: string, ...words: readonly string[]): Promise<Fields> => runJson(uri, "credentials", command, "--pin-file", "pin", ...words);
  const listed = await run("list");
  checkFields(t, [listed], page, OUTPUT, 0);
  checkFields(t, listed.credentials as Fields[], page, OUTPUT, 1);
  checkFields(t, [await run("show", "02")], page, OUTPUT, 1);
  checkFields(t, [await run("update-user", "02", "--user-name", "alice")], page, OUTPUT, 1);
  checkFields(t, [await run("delete", "02")], page, OUTPUT, 2);
  t.end();
});

t.test("bio", async (t) => {
  const page = "keyhole-ctap-bio.1";
  const pin = legacyPin("7392");
  const { uri } = await recordingCard(t, getInfo({ bioEnroll: true, clientPin: true }), ({ command, params }) => {
    if (command === 0x06) return pin.reply(params);
    return params.get(2) === 4 ? cborMap([7, [cborMap([1, Uint8Array.of(1)], [2, "thumb"])]]) : new Map();
  });
  const listed = await runJson(uri, "bio", "list", "--pin-file", "pin");
  checkFields(t, [listed], page, OUTPUT, 0);
  checkFields(t, [...(listed.fingerprints as Fields[]), await runJson(uri, "bio", "delete", "01", "--pin-file", "pin")], page, OUTPUT, 1);
  t.end();
});

t.test("blobs", async (t) => {
  const page = "keyhole-ctap-blobs.1";
  const card = "virtual:blobs";
  const credential = ["--credential", "alice.cred"];
  await runJson(card, "make-credential", "--rp-id", "example.com", "--user-name", "alice", "--discoverable", "--large-blob-key", "--out", "alice.cred");
  checkFields(t, [await runJson(card, "blobs", "set", ...credential, "--in", "blob")], page, OUTPUT, 2);
  checkFields(t, [await runJson(card, "blobs", "list")], page, OUTPUT, 0);
  checkFields(t, [await runJson(card, "blobs", "get", ...credential), await runJson(card, "blobs", "get", ...credential, "--out", "copy")], page, OUTPUT, 1);
  checkFields(t, [await runJson(card, "blobs", "delete", ...credential)], page, OUTPUT, 3);
  t.end();
});

t.test("config", async (t) => {
  const page = "keyhole-ctap-config.1";
  const { uri } = await recordingCard(t, getInfo({ authnrCfg: true, ep: true }));
  checkFields(t, [await runJson("virtual:", "config", "always-uv", "on")], page, OUTPUT, 0);
  checkFields(t, [await runJson("virtual:", "config", "min-pin-length", "6")], page, OUTPUT, 1);
  checkFields(t, [await runJson(uri, "config", "enterprise-attestation", "on")], page, OUTPUT, 2);
  t.end();
});
