import { concatBytes } from "../../bytes.ts";
import { encodeAuthenticatorData } from "../authenticator-data.ts";
import { cborMap } from "../cbor.ts";
import { hashRpId } from "../hash.ts";
import { okMap } from "./answer.ts";
import { credentialKey } from "./credential-key.ts";
import { discoverableCredentials, findCredential, largeBlobKey, type Credential } from "./credentials.ts";
import { encodeDescriptor, encodeUser, readClientDataHash, readCredentialList } from "./entities.ts";
import { readHmacSecret, type HmacSecret } from "./hmac-secret.ts";
import { isFlag, isMap, isText, Parameters } from "./parameters.ts";
import { chooseCard, PERMISSION, readProof, verifyUser } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { Context, Conversation } from "./session.ts";

/** authenticatorGetAssertion. Source: CTAP 2.1 §6.2. */
export function* getAssertion(context: Context, params: Parameters): Conversation {
  const rpId = params.required(0x01, isText);
  const clientDataHash = readClientDataHash(params, 0x02);
  const allowList = readCredentialList(params, 0x03);
  const extensions = params.inner(0x04);
  const options = readOptions(params.inner(0x05));
  const proof = readProof(params, 0x07, 0x06);
  if (proof.param?.length === 0) yield* chooseCard(context);
  if (options.uv && proof.param === undefined) throw new Refusal(STATUS.invalidOption);

  const token = verifyUser(context, proof, clientDataHash, PERMISSION.getAssertion, rpId);
  const uv = token !== undefined;
  if (context.state.alwaysUv && options.up && !uv) throw new Refusal(STATUS.puatRequired);
  const wanted = readExtensions(context, extensions, options.up);

  const usable = usableCredentials(context, rpId, allowList, uv);
  const [first, ...others] = usable;
  if (first === undefined) throw new Refusal(STATUS.noCredentials);
  if (options.up) {
    yield { what: "get-assertion", rpId };
    token?.spend();
  }

  const request = { rpIdHash: hashRpId(rpId), clientDataHash, up: options.up, uv, ...wanted };
  if (others.length > 0) {
    context.session.beginListing("assertions", others.map((credential) => (now) => assert(now, request, credential)), context.nowMs);
  }
  return assert(context, request, first, others.length > 0 ? usable.length : undefined);
}

/** authenticatorGetNextAssertion. Source: CTAP 2.1 §6.3. */
export function getNextAssertion(context: Context): Uint8Array {
  return context.session.nextOf("assertions", context);
}

interface Wanted {
  readonly credBlob: boolean;
  readonly largeBlobKey: boolean;
  readonly hmacSecret: HmacSecret | undefined;
}

interface Request extends Wanted {
  readonly rpIdHash: Uint8Array;
  readonly clientDataHash: Uint8Array;
  readonly up: boolean;
  readonly uv: boolean;
}

function readOptions(options: Parameters): { readonly up: boolean; readonly uv: boolean } {
  if (options.map.has("rk")) throw new Refusal(STATUS.unsupportedOption);
  return { up: options.optional("up", isFlag) ?? true, uv: options.optional("uv", isFlag) ?? false };
}

function readExtensions(context: Context, extensions: Parameters, up: boolean): Wanted {
  const wantsLargeBlobKey = extensions.optional("largeBlobKey", isFlag);
  if (wantsLargeBlobKey === false) throw new Refusal(STATUS.invalidOption);
  const input = extensions.optional("hmac-secret", isMap);
  // Secrets are given to a person alone. Source: CTAP 2.1 §12.5.
  if (input !== undefined && !up) throw new Refusal(STATUS.unsupportedOption);
  return {
    credBlob: extensions.optional("credBlob", isFlag) ?? false,
    largeBlobKey: wantsLargeBlobKey ?? false,
    hmacSecret: input === undefined ? undefined : readHmacSecret(context, new Parameters(input)),
  };
}

/** Of a list one is enough; without it all discoverable ones, the newest first. */
function usableCredentials({ state }: Context, rpId: string, allowList: readonly Uint8Array[], uv: boolean): readonly Credential[] {
  if (allowList.length === 0) return discoverableCredentials(state, rpId).filter(({ source }) => uv || source.protection === 1);
  const rpIdHash = hashRpId(rpId);
  for (const id of allowList) {
    const credential = findCredential(state, rpIdHash, id);
    if (credential !== undefined && (uv || credential.source.protection < 3)) return [credential];
  }
  return [];
}

/** @param count - of all assertions, in the first of several */
function assert({ state }: Context, request: Request, credential: Credential, count?: number): Uint8Array {
  const { rpIdHash, clientDataHash, up, uv } = request;
  const { id, source, stored } = credential;
  state.counter += 1;
  const authData = encodeAuthenticatorData({
    rpIdHash,
    up,
    uv,
    counter: state.counter,
    extensions: cborMap(
      ["credBlob", request.credBlob ? (stored?.credBlob ?? new Uint8Array()) : undefined],
      ["hmac-secret", source.hasHmacSecret ? request.hmacSecret?.(source, uv) : undefined],
    ),
  });
  return okMap(
    [0x01, encodeDescriptor(id)],
    [0x02, authData],
    [0x03, credentialKey(source.seed, source.algorithm).sign(concatBytes(authData, clientDataHash))],
    [0x04, stored === undefined ? undefined : encodeUser(stored.user, uv)],
    [0x05, count],
    [0x07, request.largeBlobKey && source.hasLargeBlobKey ? largeBlobKey(credential) : undefined],
  );
}
