import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { cborMap, encodeCbor, parseCbor, type CborMap } from "../../src/lib/ctap/cbor.ts";
import { HID_COMMAND } from "../../src/lib/ctap/packet.ts";
import { answer, initResponse, keepalive, udpCard, type Request, type Wire } from "../support/hid-card.ts";
import { checkFailure, finish, startKeyhole, temporaryDirectory, type Outcome } from "../support/keyhole.ts";
import { ctap, getInfo, recordingCard, type RecordingCard } from "../support/ctap.ts";
import { legacyPin } from "../support/pin-card.ts";

// The software authenticator has no sensor: the card is a scripted one.

const cwd = temporaryDirectory(t);
writeFileSync(join(cwd, "pin"), "7392\n", { mode: 0o600 });

async function run(...words: readonly string[]): Promise<Outcome> {
  const [outcome] = await ctap(cwd, words);
  return outcome!;
}

interface SensorCard extends RecordingCard {
  /** Names by id, in hexadecimal. */
  readonly fingerprints: ReadonlyMap<string, string>;
}

const NEW_ID = "68";

/** A card with a PIN, a sensor, and fingerprints; a new one takes these samples, then good ones up to three. */
async function sensorCard(t: Test, command: 0x09 | 0x40, fingerprints: Map<string, string>, samples: readonly number[] = []): Promise<SensorCard> {
  const pin = legacyPin("7392");
  const statuses = [...samples, 0, 0, 0];
  const option = command === 0x09 ? "bioEnroll" : "userVerificationMgmtPreview";
  let taken = 0;
  const sample = (): CborMap => cborMap([4, Buffer.from(NEW_ID, "hex")], [5, statuses[taken]!], [6, Math.min(statuses.length - ++taken, 3)]);
  const card = await recordingCard(t, getInfo({ clientPin: true, [option]: fingerprints.size > 0 }, [6, [1]]), (request) => {
    if (request.command === 0x06) return pin.reply(request.params);
    if (request.command !== command) return 0x01;
    const [subCommand, params = new Map()] = [Number(request.params.get(2)), request.params.get(3) as CborMap | undefined];
    if (subCommand === 7) return cborMap([2, 1], [3, 3], [8, 10]);
    if (subCommand === 3) return new Map();
    if (!pin.isProved(request, Uint8Array.of(1, subCommand, ...(params.size === 0 ? [] : encodeCbor(params))), 4, 5)) return 0x33;
    const id = Buffer.from((params.get(1) as Uint8Array | undefined) ?? []).toString("hex");
    switch (subCommand) {
      case 1:
        taken = 0;
        return sample();
      case 2:
        if (taken + 1 === statuses.length) fingerprints.set(NEW_ID, "");
        return sample();
      case 4:
        return fingerprints.size === 0 ? 0x2c : cborMap([7, [...fingerprints].map(([id, name]) => cborMap([1, Buffer.from(id, "hex")], [2, name === "" ? undefined : name]))]);
      case 5:
        fingerprints.set(id, String(params.get(2)));
        return new Map();
      case 6:
        return fingerprints.delete(id) ? new Map() : 0x2c;
      default:
        return 0x3e;
    }
  });
  return { ...card, fingerprints };
}

t.test("from no fingerprint to none", async (t) => {
  const { uri, fingerprints, requests } = await sensorCard(t, 0x09, new Map(), [5, 7]);
  const pin = ["-d", uri, "--pin-file", "pin"];
  t.match(await run("bio", "list", ...pin), { status: 0, stdout: "0 fingerprints\n", stderr: "" });
  t.match(await run("bio", "enroll", ...pin), {
    status: 0,
    stdout: "enrolled aA\n",
    stderr: "touch the sensor until it is done, about 3 times\ntoo fast, 3 to go\npoor quality, 3 to go\n2 to go\n1 to go\ndone\n",
  });
  t.same(requests.filter(({ params }) => params.get(2) === 1 && params.has(1)).at(-1)?.params.get(3), cborMap([3, 30_000]), "the card waits as long as --timeout says");
  t.match(await run("bio", "list", ...pin), { stdout: "aA\n1 fingerprint\n" });
  t.match(await run("bio", "enroll", "-q", "--name", "thumb", "--json", ...pin), { status: 0, stdout: '{"id":"aA","name":"thumb"}\n', stderr: "" });
  t.same([...fingerprints], [["68", "thumb"]]);
  t.same(JSON.parse((await run("bio", "list", "--json", ...pin)).stdout), { sensor: { kind: "touch", samples: 3, maxNameLength: 10 }, fingerprints: [{ id: "aA", name: "thumb" }] });
  t.match(await run("bio", "rename", ...pin, "68", "in\u001bdex"), { status: 0, stdout: "renamed aA  in\\x1bdex\n" });
  t.same([...fingerprints], [["68", "in\u001bdex"]]);
  t.match(await run("bio", "delete", ...pin, "aA"), { status: 0, stdout: "deleted aA  in\\x1bdex\n" });
  t.same([...fingerprints], []);
});

t.test("the preview command of cards of before CTAP 2.1", async (t) => {
  const { uri, fingerprints } = await sensorCard(t, 0x40, new Map([["68", "thumb"]]));
  const pin = ["-d", uri, "--pin-file", "pin"];
  t.match(await run("bio", "rename", ...pin, "68", "index"), { status: 0, stdout: "renamed aA  index\n" });
  t.match(await run("bio", "list", ...pin), { status: 0, stdout: "aA  index\n1 fingerprint\n", stderr: "" });
  t.same([...fingerprints], [["68", "index"]]);
});

t.test("ids that read as hexadecimal and as base64url", async (t) => {
  // "abcd" is ab cd, or 69 b7 1d in base64url.
  const { uri, fingerprints } = await sensorCard(t, 0x09, new Map([["69b71d", "base64url"], ["abcd", "hexadecimal"]]));
  const remove = (): Promise<Outcome> => run("bio", "delete", "-d", uri, "--pin-file", "pin", "--json", "abcd");
  t.same(JSON.parse((await remove()).stdout), { id: "q80", name: "hexadecimal", deleted: true });
  t.same(JSON.parse((await remove()).stdout), { id: "abcd", name: "base64url", deleted: true });
  t.equal(fingerprints.size, 0);
  checkFailure(t, await remove().then((outcome) => ({ ...outcome, stdout: "" })), 1, /^error: card has no fingerprint with the id abcd$/);
  checkFailure(t, await run("bio", "rename", "-d", uri, "--pin-file", "pin", "abcd", "thumb"), 1, /no fingerprint with the id abcd/);
});

t.test("an enrolment that does not come to its end", async (t) => {
  const { uri, requests, fingerprints } = await sensorCard(t, 0x09, new Map(), [0x0d]);
  checkFailure(t, await run("bio", "enroll", "-d", uri, "--pin-file", "pin"), 1, /^error: nobody touched the sensor in time$/);
  t.equal(requests.at(-1)!.params.get(2), 3, "is cancelled on the card");
  t.equal(fingerprints.size, 0);
});

t.test("Ctrl-C cancels the enrolment on the card", async (t) => {
  const pin = legacyPin("7392");
  const told: string[] = [];
  let stop = (): void => undefined;
  let pending: readonly [Request, Wire] | undefined;
  const port = await udpCard(t, (request, wire) => {
    if (request.command === HID_COMMAND.init) return answer(request, wire, initResponse(request));
    if (request.command === HID_COMMAND.cancel) {
      told.push("CANCEL");
      if (pending !== undefined) answer(...pending, Uint8Array.of(0x2d));
      pending = undefined;
      return;
    }
    const [command, ...rest] = request.data;
    const ok = (map: CborMap): void => answer(request, wire, Uint8Array.of(0, ...encodeCbor(map)));
    if (command === 0x04) return ok(getInfo({ clientPin: true, bioEnroll: false }, [6, [1]]));
    const { value } = parseCbor(Uint8Array.from(rest));
    const params = value as CborMap;
    if (command === 0x06) return ok(pin.reply(params) as CborMap);
    switch (params.get(2)) {
      case 7:
        return ok(cborMap([2, 1], [3, 3]));
      case 1:
        return ok(cborMap([4, Uint8Array.of(0x68)], [5, 0], [6, 2]));
      case 2:
        // The second sample: it waits for the finger until it is told not to.
        pending = [request, wire];
        keepalive(request, wire, 2);
        return stop();
      case 3:
        told.push("cancelCurrentEnrollment");
        return ok(new Map());
    }
  });
  const child = startKeyhole(["ctap", "bio", "enroll", "-d", `udp:127.0.0.1:${port}`, "--pin-file", "pin"], { cwd });
  stop = () => void child.kill("SIGINT");
  child.stdin.end();
  t.match(await finish(child), { status: 130, signal: null, stdout: "" });
  t.same(told, ["CANCEL", "cancelCurrentEnrollment"], "and the samples are forgotten");
});

t.test("a name that is too long for the card", async (t) => {
  const { uri, requests } = await sensorCard(t, 0x09, new Map([["68", "thumb"]]));
  checkFailure(t, await run("bio", "enroll", "-d", uri, "--name", "eleven ch.."), 2, /is 11 bytes, the card takes at most 10$/);
  checkFailure(t, await run("bio", "rename", "-d", uri, "68", "éééééé"), 2, /is 12 bytes/);
  t.same(requests.map(({ command, params }) => [command, params.get(2)]), [[9, 7], [9, 7]], "no PIN was asked for");
});

t.test("cards that cannot", async (t) => {
  const commands = [["list"], ["enroll"], ["rename", "68", "thumb"], ["delete", "68"]];
  checkFailure(t, await run("bio", "list", "--device", "virtual:"), 3, /^error: card cannot learn fingerprints: it does not have the option bioEnroll$/);
  const { uri, requests } = await recordingCard(t, getInfo({ clientPin: true, uv: true }));
  for (const outcome of await ctap(cwd, ...commands.map((words) => ["bio", ...words, "-d", uri, "--pin-file", "pin"]))) checkFailure(t, outcome, 3, /bioEnroll/);
  t.same(requests, [], "nothing was sent but getInfo");
});

t.test("wrong command lines, and nothing is sent", async (t) => {
  const { uri, messages } = await recordingCard(t, getInfo({ bioEnroll: true, clientPin: true }));
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["enroll", "--name", ""], /name of the fingerprint is empty/],
    [["rename", "68"], /needs NAME/],
    [["rename", "68", ""], /name of the fingerprint is empty/],
    [["rename", "x", "thumb"], /"x" is neither the id of a fingerprint/],
    [["delete", ""], /"" is neither/],
    [["delete", "a b"], /"a b" is neither/],
    [["delete"], /needs ID/],
  ];
  const outcomes = await ctap(cwd, ...cases.map(([words]) => ["bio", ...words, "-d", uri]));
  for (const [i, [words, error]] of cases.entries()) checkFailure(t, outcomes[i]!, 2, error, words.join(" "));
  t.same(messages, []);
});
