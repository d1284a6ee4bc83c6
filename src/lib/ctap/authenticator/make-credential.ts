import { concatBytes } from "../../bytes.ts";
import { encodeAuthenticatorData } from "../authenticator-data.ts";
import { cborMap } from "../cbor.ts";
import { hashRpId } from "../hash.ts";
import { okMap } from "./answer.ts";
import { parseProtection, type Protection } from "./credential-id.ts";
import { ALGORITHMS, credentialKey } from "./credential-key.ts";
import { findCredential, largeBlobKey, newCredential, storeCredential, type Credential } from "./credentials.ts";
import { checkRpId, readClientDataHash, readCredentialList, readUser } from "./entities.ts";
import { AAGUID, MAX_CRED_BLOB_LENGTH } from "./get-info.ts";
import { isBytes, isFlag, isInteger, isMap, isText, isUnsigned, Parameters } from "./parameters.ts";
import { chooseCard, PERMISSION, readProof, verifyUser } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { Context, Conversation } from "./session.ts";
import type { User } from "./state.ts";

/** authenticatorMakeCredential. Source: CTAP 2.1 §6.1. */
export function* makeCredential(context: Context, params: Parameters): Conversation {
  const request = readRequest(params);
  const { rpId, clientDataHash, options, extensions } = request;
  const proof = readProof(params, 0x09, 0x08);
  if (proof.param?.length === 0) yield* chooseCard(context);
  const algorithm = chooseAlgorithm(request.algorithms);
  if (options.uv && proof.param === undefined) throw new Refusal(STATUS.invalidOption);
  if (params.map.has(0x0a)) throw new Refusal(STATUS.invalidParameter); // enterprise attestation is off

  const token = verifyUser(context, proof, clientDataHash, PERMISSION.makeCredential, rpId);
  const uv = token !== undefined;
  const mustVerify = context.state.alwaysUv || (context.state.pin !== undefined && options.rk);
  if (mustVerify && !uv) throw new Refusal(STATUS.puatRequired);

  const rpIdHash = hashRpId(rpId);
  const isExcluded = request.excludeList.some((id) => isVisible(findCredential(context.state, rpIdHash, id), uv));
  yield { what: "make-credential", rpId };
  if (isExcluded) throw new Refusal(STATUS.credentialExcluded);
  token?.spend();

  const { state } = context;
  const credential = newCredential(state, rpIdHash, {
    algorithm,
    isDiscoverable: options.rk,
    hasHmacSecret: extensions.hmacSecret,
    hasLargeBlobKey: extensions.largeBlobKey,
    protection: extensions.protection ?? 1,
  });
  const { id, source } = credential;
  const credBlob = options.rk && extensions.credBlob !== undefined && extensions.credBlob.length <= MAX_CRED_BLOB_LENGTH ? extensions.credBlob : undefined;
  if (options.rk && !storeCredential(state, { id, rpId, user: request.user, credBlob })) throw new Refusal(STATUS.keyStoreFull);
  state.counter += 1;

  const key = credentialKey(source.seed, algorithm);
  const authData = encodeAuthenticatorData({
    rpIdHash,
    up: true,
    uv,
    counter: state.counter,
    attested: { aaguid: AAGUID, credentialId: id, publicKey: key.publicKey },
    extensions: cborMap(
      ["credBlob", extensions.credBlob === undefined ? undefined : credBlob !== undefined],
      ["credProtect", extensions.protection],
      ["hmac-secret", extensions.hmacSecret ? true : undefined],
      ["minPinLength", extensions.minPinLength && state.minPinLengthRpIds.includes(rpId) ? state.minPinLength : undefined],
    ),
  });
  return okMap(
    [0x01, "packed"],
    [0x02, authData],
    [0x03, cborMap(["alg", algorithm], ["sig", key.sign(concatBytes(authData, clientDataHash))])],
    [0x05, source.hasLargeBlobKey ? largeBlobKey(credential) : undefined],
  );
}

interface Request {
  readonly clientDataHash: Uint8Array;
  readonly rpId: string;
  readonly user: User;
  /** In the order of preference. */
  readonly algorithms: readonly number[];
  readonly excludeList: readonly Uint8Array[];
  readonly extensions: Extensions;
  readonly options: { readonly rk: boolean; readonly uv: boolean };
}

interface Extensions {
  readonly protection: Protection | undefined;
  readonly credBlob: Uint8Array | undefined;
  readonly hmacSecret: boolean;
  readonly largeBlobKey: boolean;
  readonly minPinLength: boolean;
}

function readRequest(params: Parameters): Request {
  const clientDataHash = readClientDataHash(params, 0x01);
  const rpId = checkRpId(new Parameters(params.required(0x02, isMap)).required("id", isText));
  const user = readUser(new Parameters(params.required(0x03, isMap)));
  const algorithms = readAlgorithms(params);
  const excludeList = readCredentialList(params, 0x05);
  const given = params.inner(0x07);
  const options = { rk: given.optional("rk", isFlag) ?? false, uv: given.optional("uv", isFlag) ?? false };
  if (given.optional("up", isFlag) === false) throw new Refusal(STATUS.invalidOption);
  return { clientDataHash, rpId, user, algorithms, excludeList, extensions: readExtensions(params.inner(0x06), options.rk), options };
}

function readExtensions(extensions: Parameters, isDiscoverable: boolean): Extensions {
  const level = extensions.optional("credProtect", isUnsigned);
  const protection = level === undefined ? undefined : parseProtection(level);
  if (level !== undefined && protection === undefined) throw new Refusal(STATUS.invalidOption);
  const wantsLargeBlobKey = extensions.optional("largeBlobKey", isFlag);
  if (wantsLargeBlobKey === false || (wantsLargeBlobKey === true && !isDiscoverable)) throw new Refusal(STATUS.invalidOption);
  return {
    protection,
    credBlob: extensions.optional("credBlob", isBytes),
    hmacSecret: extensions.optional("hmac-secret", isFlag) ?? false,
    largeBlobKey: wantsLargeBlobKey ?? false,
    minPinLength: extensions.optional("minPinLength", isFlag) ?? false,
  };
}

function readAlgorithms(params: Parameters): readonly number[] {
  const list = params.maps(0x04);
  if (list === undefined) throw new Refusal(STATUS.missingParameter);
  return list.flatMap((entry) => {
    const alg = entry.required("alg", isInteger);
    return entry.required("type", isText) === "public-key" ? alg : [];
  });
}

function chooseAlgorithm(wanted: readonly number[]): number {
  const algorithm = wanted.find((number) => ALGORITHMS.includes(number));
  if (algorithm === undefined) throw new Refusal(STATUS.unsupportedAlgorithm);
  return algorithm;
}

/** Whether an exclude list may betray that the credential is there. Source: CTAP 2.1 §12.1. */
function isVisible(credential: Credential | undefined, uv: boolean): boolean {
  return credential !== undefined && (uv || credential.source.protection < 3);
}
