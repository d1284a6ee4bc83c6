import t from "tap";
import { checkAuthcode, makeChallenge } from "../../../src/lib/glome/challenger.ts";
import { grant } from "../../../src/lib/glome/responder.ts";
import { bytesOf, encodeUtf8 } from "../../../src/lib/text.ts";
import { loginV1 } from "../../support/glome-vectors.ts";
import { errorCodeOf } from "../errors.ts";
import { parseGoRequest } from "./go-request.ts";
import { answer, EVERY_PRIMITIVES, privateKeyOf, publicKeyOf, readChallenge, ringOf, toHex } from "./parties.ts";

interface ResponderCase {
  readonly challenge: string;
  readonly agree: boolean;
  readonly go_v1_server: string;
  readonly c_cli_v1_response?: string;
  readonly go_v1_response?: string;
  readonly go_v1_message_type_host_action?: string;
}

interface ServerCase {
  readonly request_path: string;
  readonly server_private_key_hex: string;
  readonly key_index: number;
  readonly response_length?: number;
  readonly authorizer?: string;
  readonly http_status?: number;
  readonly http_body: string;
}

for (const [name, primitives] of EVERY_PRIMITIVES) {
  t.test(`login v1, both sides, on ${name}`, async (t) => {
    for (const [i, vector] of loginV1.spec_vectors.entries()) {
      const alice = privateKeyOf(vector.alice_private_key_hex, primitives);
      const bob = privateKeyOf(vector.bob_private_key_hex, primitives);
      const request = { hostType: vector.host_id_type, host: vector.host_id, action: vector.action };
      const index = i === 0 ? vector.prefix7 : undefined; // the second names the key by its prefix
      const pending = makeChallenge({ version: "v1", serviceKey: bob.publicKey, request, index, messageTagLength: vector.message_tag_prefix_length_bytes, minAuthcodeLength: 10 }, alice);
      t.equal(pending.challenge, vector.challenge, vector.name);
      t.same(pending.tagged, bytesOf(vector.tagged_message_ascii));
      t.equal(toHex(alice.exchange(bob.publicKey).tag(pending.tagged)), vector.message_tag_full_hex);

      t.same(readChallenge(vector.challenge).request, request);
      t.equal(await answer(vector.challenge, ringOf(bob, index ?? 5)), vector.response_tag_base64url);
      t.ok(checkAuthcode(pending, vector.response_token));
    }
  });

  t.test(`login v1, what the C and Go tools agree on, on ${name}`, async (t) => {
    const { responder_private_key_hex, cases } = loginV1.responder_challenge_cases;
    const ring = ringOf(privateKeyOf(responder_private_key_hex, primitives)); // any index, as in these tools
    for (const { challenge, agree, go_v1_server, c_cli_v1_response, go_v1_response, go_v1_message_type_host_action } of cases as readonly ResponderCase[]) {
      if (challenge.startsWith("v2/")) continue; // neither tool knew v2
      if (!agree && challenge.includes("+")) {
        t.equal(await answer(challenge, ring), c_cli_v1_response, `${challenge}: a plus is a plus, as clients send it`);
        t.match(readChallenge(challenge).oddities, [{ code: "plus" }]);
      } else if (!agree || go_v1_server === "reject") {
        t.type(await errorCodeOf(answer(challenge, ring)), "string", `refused: ${challenge}`);
      } else {
        t.equal(c_cli_v1_response, go_v1_response);
        t.equal(await answer(challenge, ring), go_v1_response, challenge);
        t.same(readChallenge(challenge).request, parseGoRequest(go_v1_message_type_host_action!));
      }
    }
  });

  t.test(`login v1, as google/glome's HTTP server answers, on ${name}`, async (t) => {
    for (const { request_path, server_private_key_hex, key_index, response_length, authorizer, http_status, http_body } of loginV1.go_http_server_cases as readonly ServerCase[]) {
      if (http_status === undefined) continue; // not a challenge
      const ring = ringOf(privateKeyOf(server_private_key_hex, primitives), key_index);
      const policy = authorizer === "deny" ? { allow: [] } : undefined;
      const granted = grant(readChallenge(request_path), ring, policy);
      if (http_status === 200) t.equal(`${(await granted).authcode().slice(0, response_length)}\n`, http_body, request_path);
      else t.equal(await errorCodeOf(granted), http_status === 403 ? "POLICY_REFUSED" : "KEY_NOT_FOUND", `${request_path}: ${http_body}`);
    }
  });

  t.test(`the codes that the PAM module takes, on ${name}`, (t) => {
    const { service_public_key_hex, key_version, ephemeral_private_key_hex, host_id, user, v1_message, v2_message, v1_response_10_chars, v2_response_10_chars, v2_inputs } =
      loginV1.pam_module_cases;
    const ask = (version: "v1" | "v2", action: string): ReturnType<typeof makeChallenge> =>
      makeChallenge(
        { version, serviceKey: publicKeyOf(service_public_key_hex), request: { hostType: "", host: host_id, action }, index: key_version, messageTagLength: 0, minAuthcodeLength: 10 },
        privateKeyOf(ephemeral_private_key_hex, primitives),
      );
    const v1 = ask("v1", `shell/${user}`);
    const v2 = ask("v2", `shell=${user}`);
    t.same([v1.tagged, v2.tagged], [encodeUtf8(v1_message), encodeUtf8(v2_message)]);
    t.ok(checkAuthcode(v1, v1_response_10_chars));
    t.notOk(checkAuthcode(v1, v2_response_10_chars));
    for (const { input, result } of v2_inputs) t.equal(checkAuthcode(v2, input), result === "PAM_SUCCESS", JSON.stringify(input));
    t.end();
  });
}
