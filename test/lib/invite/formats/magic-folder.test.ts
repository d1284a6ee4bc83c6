import t from "tap";
import { checkPersonal, magicFolderFormat } from "../../../../src/lib/invite/formats/magic-folder.ts";
import { message, playBoth, playIssuer, playReceiver, stored, verified, written } from "./play.ts";

const COLLECTIVE = "URI:DIR2-RO:fake:collective";
const PERSONAL = "URI:DIR2-RO:fake:personal";
const FOLDER = { "folder-name": "photos", collective: COLLECTIVE, "participant-name": "bob", mode: "read-write" };
const PAYLOAD = JSON.stringify(FOLDER);
const versions = verified(magicFolderFormat.appVersions);

const of = (kind: string, fields: object = {}): object => ({ kind, protocol: "invite-v1", ...fields });
const parse = (texts: readonly string[]): readonly unknown[] => texts.map((text) => JSON.parse(text) as unknown);

t.test("the messages of invite-v1", (t) => {
  t.equal(magicFolderFormat.appid, "private.storage/magic-folder/invites");
  t.same(magicFolderFormat.appVersions, { "magic-folder": { "supported-messages": ["invite-v1"] } });

  const issuer = playIssuer(magicFolderFormat, PAYLOAD, versions, stored(0), message(of("join-folder-accept", { personal: PERSONAL })), stored(1));
  t.same(parse(issuer.sent), [of("join-folder", FOLDER), of("join-folder-ack", { "participant-name": "bob", success: true })]);
  t.same(issuer.outcome, { type: "delivered", answer: { personal: PERSONAL } });

  const invite = JSON.stringify(of("join-folder", FOLDER));
  const receiver = playReceiver(magicFolderFormat, PERSONAL, versions, message(invite), written, stored(0), message(of("join-folder-ack", { success: true })));
  t.same(parse(receiver.sent), [of("join-folder-accept", { personal: PERSONAL })]);
  t.same([receiver.payload, receiver.outcome], [invite, { type: "accepted" }]);

  t.match(playBoth(magicFolderFormat, PAYLOAD, PERSONAL), { issuer: { type: "delivered", answer: { personal: PERSONAL } }, receiver: { type: "accepted" } });
  t.match(playBoth(magicFolderFormat, PAYLOAD), { issuer: { type: "delivered", answer: {} }, receiver: { type: "accepted" } }, "without a directory of its own, to read only");
  t.end();
});

t.test("a side that does not speak it", (t) => {
  for (const appVersions of [undefined, {}, { "magic-folder": {} }, { "magic-folder": { "supported-messages": ["invite-v2"] } }, { "magic-folder": { "supported-messages": "invite-v1" } }, []]) {
    t.same(playIssuer(magicFolderFormat, PAYLOAD, verified(appVersions)), { sent: [], payload: undefined, outcome: { type: "refused", reason: "the other side does not speak invite-v1" } });
    t.match(playReceiver(magicFolderFormat, "", verified(appVersions)), { sent: [/join-folder-reject/], outcome: { type: "unusable" } });
  }
  t.end();
});

t.test("what the issuer is answered", (t) => {
  const reply = (value: unknown, folder: object = FOLDER) => playIssuer(magicFolderFormat, JSON.stringify(folder), versions, message(value));
  t.same(reply(of("join-folder-reject", { "reject-reason": "no room" })).outcome, { type: "refused", reason: "no room" });
  t.same(reply(of("join-folder-reject")).outcome, { type: "refused", reason: "no reason given" });
  for (const [value, folder] of [
    [{ kind: "join-folder-accept" }, FOLDER],
    [{ kind: "join-folder-accept", protocol: "invite-v2" }, FOLDER],
    [of("join-folder"), FOLDER],
    ["nonsense", FOLDER],
    [of("join-folder-accept", { personal: "URI:DIR2:fake:write" }), FOLDER],
    [of("join-folder-accept", { personal: 7 }), FOLDER],
    [of("join-folder-accept", { personal: PERSONAL }), { ...FOLDER, mode: "read-only" }],
  ] as const) {
    const { sent, outcome } = reply(value, folder);
    t.equal(outcome?.type, "refused", JSON.stringify(value));
    t.match(parse(sent)[1], { kind: "join-folder-ack", success: false, error: String }, "and the other side is told");
  }
  t.equal(reply(of("join-folder-accept", { personal: PERSONAL })).outcome, undefined, "not delivered before the server has the last message");
  t.end();
});

t.test("what the receiver gets", (t) => {
  for (const value of [of("join-folder"), of("join-folder", { collective: "URI:DIR2:fake:write" }), { ...FOLDER, kind: "join-folder" }, of("other", FOLDER), "nonsense"]) {
    const { sent, payload, outcome } = playReceiver(magicFolderFormat, PERSONAL, versions, message(value));
    t.same([payload, outcome?.type], [undefined, "unusable"], JSON.stringify(value));
    t.match(parse(sent), [{ kind: "join-folder-reject", protocol: "invite-v1", "reject-reason": String }]);
  }
  const readOnly = playReceiver(magicFolderFormat, PERSONAL, versions, message(of("join-folder", { ...FOLDER, mode: "read-only" })), written);
  t.same(parse(readOnly.sent), [of("join-folder-accept")], "one who may only read sends no capability");
  const failed = playReceiver(magicFolderFormat, "", versions, message(of("join-folder", FOLDER)), written, message(of("join-folder-ack", { success: false, error: "name is taken" })));
  t.same(failed.outcome, { type: "refused", reason: "name is taken" });
  t.end();
});

t.test("refusals", (t) => {
  const issuer = Buffer.from(magicFolderFormat.encodeIssuerRefusal("why")).toString();
  t.same(playReceiver(magicFolderFormat, "", versions, message(issuer)).outcome, { type: "refused", reason: "why" });
  const receiver = Buffer.from(magicFolderFormat.encodeReceiverRefusal("why")).toString();
  t.same(playIssuer(magicFolderFormat, PAYLOAD, versions, message(receiver)).outcome, { type: "refused", reason: "why" });
  t.end();
});

t.test("what can be issued", (t) => {
  const offer = (folder: object): unknown => JSON.parse(Buffer.from(magicFolderFormat.encodeOffer(JSON.stringify(folder))).toString());
  t.same(offer({ collective: COLLECTIVE }), of("join-folder", { collective: COLLECTIVE, mode: "read-write" }), "to read and write unless it says otherwise");
  t.same(offer(of("join-folder", FOLDER)), of("join-folder", FOLDER), "kind and protocol may be there");
  for (const [folder, message] of [
    [{ ...FOLDER, collective: undefined }, /no collective/],
    [{ ...FOLDER, collective: "URI:DIR2:fake:write" }, /no collective/],
    [{ ...FOLDER, collective: "URI:DIR2-RO:a b" }, /no collective/],
    [{ ...FOLDER, mode: "admin" }, /unknown mode/],
    [{ ...FOLDER, kind: "join-folder-ack" }, /another kind/],
    [{ ...FOLDER, protocol: "invite-v2" }, /another protocol/],
    [{ ...FOLDER, "participant-name": 7 }, /value for participant-name that is not text/],
  ] as const) {
    t.throws(() => offer(folder), { code: "INVITE_PAYLOAD", kind: "input", message });
  }
  t.throws(() => magicFolderFormat.encodeOffer("[]"), { code: "INVITE_PAYLOAD" });
  t.end();
});

t.test("the capability that is sent back", (t) => {
  for (const capability of [PERSONAL, "URI:DIR2-MDMF-RO:fake:x", "URI:DIR2-CHK:fake:x"]) checkPersonal(capability);
  for (const capability of ["", "URI:DIR2:fake:write", "URI:CHK:fake", `${PERSONAL}\n`, "personal"]) t.throws(() => void checkPersonal(capability), { code: "INVITE_PERSONAL", kind: "input" });
  t.end();
});
