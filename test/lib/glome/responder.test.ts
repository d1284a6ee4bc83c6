import t from "tap";
import { makeChallenge } from "../../../src/lib/glome/challenger.ts";
import { grant } from "../../../src/lib/glome/responder.ts";
import { client, readChallenge, ringOf, service } from "./parties.ts";

const options = {
  version: "v2",
  serviceKey: service.publicKey,
  request: { hostType: "", host: "myhost", action: "shell=root" },
  index: 3,
  minAuthcodeLength: 10,
} as const;

t.test("what is granted: whose key, for which request, and whether the client has tagged it", async (t) => {
  for (const messageTagLength of [0, 1, 32]) {
    const challenge = readChallenge(makeChallenge({ ...options, messageTagLength }, client).challenge);
    const answer = await grant(challenge, ringOf(service, 3), undefined);
    t.match(answer, { key: "3-k", hasMessageTag: messageTagLength > 0, challenge: { request: options.request } });
    t.match(answer.authcode(), /^[A-Za-z0-9_-]{43}=$/);
    t.equal(answer.authcode(), answer.authcode());
  }
});

t.test("what no rule allows is refused, and no key gives a hint", async (t) => {
  const challenge = readChallenge(makeChallenge({ ...options, messageTagLength: 0 }, client).challenge);
  const policy = { allow: [{ host: "my*", action: "reboot" }] };
  await t.rejects(grant(challenge, ringOf(service, 3), policy), { code: "POLICY_REFUSED", kind: "no" });
  await t.rejects(grant(challenge, ringOf(service, 3), { allow: [] }), { code: "POLICY_REFUSED" });
  const allowed = await grant(challenge, ringOf(service, 3), { allow: [...policy.allow, { action: "shell=*" }] });
  t.equal(allowed.key, "3-k");
});

t.test("a v1 host with a slash fits no rule, as its code is also one for a shorter host with a longer action", async (t) => {
  const v1 = makeChallenge({ ...options, version: "v1", request: { hostType: "", host: "a/b", action: "reboot" }, messageTagLength: 0 }, client);
  const v2 = makeChallenge({ ...options, request: { hostType: "", host: "a/b", action: "reboot" }, messageTagLength: 0 }, client);
  const policy = { allow: [{ host: "a/*" }] };
  await t.rejects(grant(readChallenge(v1.challenge), ringOf(service, 3), policy), { code: "POLICY_REFUSED", kind: "no" });
  t.equal((await grant(readChallenge(v2.challenge), ringOf(service, 3), policy)).key, "3-k");
  t.equal((await grant(readChallenge(v1.challenge), ringOf(service, 3), undefined)).key, "3-k", "without a policy it is shown and flagged");
});
