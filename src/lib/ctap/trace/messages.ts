import { AUTHENTICATOR_DATA, bytes, CERTIFICATE, digest, hidden, list, named, NUMBER, numbered, record, RP_ID, RP_ID_HASH, TEXT, type Shape } from "./shape.ts";

/** A command of CTAP2. */
export interface CommandShape {
  /** As the specification names it. */
  readonly name: string;
  readonly request: Shape;
  readonly response: Shape;
}

const CREDENTIAL_ID = hidden("credential id");
const USER_HANDLE = hidden("user handle");
const NAME = hidden("name");
const PIN_UV_AUTH_PARAM = hidden("pinUvAuthParam");
const LARGE_BLOB_KEY = hidden("large-blob key");
const SIGNATURE = hidden("signature");

const NOTHING = numbered({});

/**
 * Type, algorithm and curve of a COSE key are kept; its coordinates, or modulus
 * and exponent, are not. Source: RFC 9053 §7.
 */
function coseKey(parameter: Shape, curve: Shape): Shape {
  return numbered({ 1: ["kty", NUMBER], 3: ["alg", NUMBER], [-1]: ["crv", curve], [-2]: ["x", parameter], [-3]: ["y", parameter] });
}

const PUBLIC_KEY = digest("public key");

/** In an RSA key the modulus stands where others have the curve. */
export const CREDENTIAL_KEY = coseKey(PUBLIC_KEY, PUBLIC_KEY);
const KEY_AGREEMENT = coseKey(hidden("key-agreement key"), NUMBER);

const CLIENT_DATA_HASH = bytes(32);

const RP = record({ id: RP_ID, name: NAME, icon: NAME });
const USER = record({ id: USER_HANDLE, name: NAME, displayName: NAME, icon: NAME });
const CREDENTIAL = record({ id: CREDENTIAL_ID, type: TEXT, transports: list(TEXT) });
const ALGORITHMS = list(record({ alg: NUMBER, type: TEXT }));
const OPTIONS = record({}, NUMBER);

const HMAC_SECRET = numbered({
  1: ["keyAgreement", KEY_AGREEMENT],
  2: ["saltEnc", hidden("hmac-secret input")],
  3: ["saltAuth", hidden("hmac-secret input")],
  4: ["pinUvAuthProtocol", NUMBER],
});

/** Extensions of requests. */
const EXTENSIONS = record({ "hmac-secret": HMAC_SECRET, "hmac-secret-mc": HMAC_SECRET, credBlob: hidden("credBlob") }, NUMBER);

/** Extensions in authenticator data. */
export const EXTENSION_OUTPUTS = record({ "hmac-secret": hidden("hmac-secret output"), "hmac-secret-mc": hidden("hmac-secret output"), credBlob: hidden("credBlob") }, NUMBER);

const ATTESTATION = record({ alg: NUMBER, sig: SIGNATURE, x5c: list(CERTIFICATE) });

const ASSERTION = numbered({
  1: ["credential", CREDENTIAL],
  2: ["authData", AUTHENTICATOR_DATA],
  3: ["signature", SIGNATURE],
  4: ["user", USER],
  5: ["numberOfCredentials", NUMBER],
  6: ["userSelected", NUMBER],
  7: ["largeBlobKey", LARGE_BLOB_KEY],
});

const INFO = numbered(
  {
    0x01: ["versions", list(TEXT)],
    0x02: ["extensions", list(TEXT)],
    0x03: ["aaguid", bytes(16)],
    0x04: ["options", OPTIONS],
    0x05: ["maxMsgSize", NUMBER],
    0x06: ["pinUvAuthProtocols", list(NUMBER)],
    0x07: ["maxCredentialCountInList", NUMBER],
    0x08: ["maxCredentialIdLength", NUMBER],
    0x09: ["transports", list(TEXT)],
    0x0a: ["algorithms", ALGORITHMS],
    0x0b: ["maxSerializedLargeBlobArray", NUMBER],
    0x0c: ["forcePINChange", NUMBER],
    0x0d: ["minPINLength", NUMBER],
    0x0e: ["firmwareVersion", NUMBER],
    0x0f: ["maxCredBlobLength", NUMBER],
    0x10: ["maxRPIDsForSetMinPINLength", NUMBER],
    0x11: ["preferredPlatformUvAttempts", NUMBER],
    0x12: ["uvModality", NUMBER],
    0x13: ["certifications", OPTIONS],
    0x14: ["remainingDiscoverableCredentials", NUMBER],
    0x15: ["vendorPrototypeConfigCommands", list(NUMBER)],
    0x16: ["attestationFormats", list(TEXT)],
    0x17: ["uvCountSinceLastPinEntry", NUMBER],
    0x18: ["longTouchForReset", NUMBER],
    // Known to whoever knows the token, from one conversation to the next.
    0x19: ["encIdentifier", hidden("identifier of the card")],
    0x1a: ["transportsForReset", list(TEXT)],
    0x1b: ["pinComplexityPolicy", NUMBER],
    0x1c: ["pinComplexityPolicyURL", hidden("policy URL")],
    0x1d: ["maxPINLength", NUMBER],
    0x1e: ["encCredStoreState", hidden("state of the card")],
    0x1f: ["authenticatorConfigCommands", list(NUMBER)],
  },
  NUMBER,
);

const PIN_SUBCOMMANDS = named({
  1: "getPINRetries",
  2: "getKeyAgreement",
  3: "setPIN",
  4: "changePIN",
  5: "getPinToken",
  6: "getPinUvAuthTokenUsingUvWithPermissions",
  7: "getUVRetries",
  9: "getPinUvAuthTokenUsingPinWithPermissions",
});

const BIO_SUBCOMMANDS = named({
  1: "enrollBegin",
  2: "enrollCaptureNextSample",
  3: "cancelCurrentEnrollment",
  4: "enumerateEnrollments",
  5: "setFriendlyName",
  6: "removeEnrollment",
  7: "getFingerprintSensorInfo",
});

const TEMPLATE_ID = hidden("template id");

const BIO: Omit<CommandShape, "name"> = {
  request: numbered({
    1: ["modality", NUMBER],
    2: ["subCommand", BIO_SUBCOMMANDS],
    3: ["subCommandParams", numbered({ 1: ["templateId", TEMPLATE_ID], 2: ["templateFriendlyName", NAME], 3: ["timeoutMilliseconds", NUMBER] })],
    4: ["pinUvAuthProtocol", NUMBER],
    5: ["pinUvAuthParam", PIN_UV_AUTH_PARAM],
    6: ["getModality", NUMBER],
  }),
  response: numbered({
    1: ["modality", NUMBER],
    2: ["fingerprintKind", NUMBER],
    3: ["maxCaptureSamplesRequiredForEnroll", NUMBER],
    4: ["templateId", TEMPLATE_ID],
    5: ["lastEnrollSampleStatus", NUMBER],
    6: ["remainingSamples", NUMBER],
    7: ["templateInfos", list(numbered({ 1: ["templateId", TEMPLATE_ID], 2: ["templateFriendlyName", NAME] }))],
    8: ["maxTemplateFriendlyName", NUMBER],
  }),
};

const CREDENTIAL_SUBCOMMANDS = named({
  1: "getCredsMetadata",
  2: "enumerateRPsBegin",
  3: "enumerateRPsGetNextRP",
  4: "enumerateCredentialsBegin",
  5: "enumerateCredentialsGetNextCredential",
  6: "deleteCredential",
  7: "updateUserInformation",
});

const CREDENTIAL_MANAGEMENT: Omit<CommandShape, "name"> = {
  request: numbered({
    1: ["subCommand", CREDENTIAL_SUBCOMMANDS],
    2: ["subCommandParams", numbered({ 1: ["rpIDHash", bytes(32)], 2: ["credentialID", CREDENTIAL], 3: ["user", USER] })],
    3: ["pinUvAuthProtocol", NUMBER],
    4: ["pinUvAuthParam", PIN_UV_AUTH_PARAM],
  }),
  response: numbered({
    0x1: ["existingResidentCredentialsCount", NUMBER],
    0x2: ["maxPossibleRemainingResidentCredentialsCount", NUMBER],
    0x3: ["rp", RP],
    0x4: ["rpIDHash", RP_ID_HASH],
    0x5: ["totalRPs", NUMBER],
    0x6: ["user", USER],
    0x7: ["credentialID", CREDENTIAL],
    0x8: ["publicKey", CREDENTIAL_KEY],
    0x9: ["totalCredentials", NUMBER],
    0xa: ["credProtect", NUMBER],
    0xb: ["largeBlobKey", LARGE_BLOB_KEY],
    0xc: ["thirdPartyPayment", NUMBER],
  }),
};

/** Source: CTAP 2.1 §6, "Authenticator API". */
export const COMMANDS: ReadonlyMap<number, CommandShape> = new Map<number, CommandShape>([
  [
    0x01,
    {
      name: "authenticatorMakeCredential",
      request: numbered({
        0x1: ["clientDataHash", CLIENT_DATA_HASH],
        0x2: ["rp", RP],
        0x3: ["user", USER],
        0x4: ["pubKeyCredParams", ALGORITHMS],
        0x5: ["excludeList", list(CREDENTIAL)],
        0x6: ["extensions", EXTENSIONS],
        0x7: ["options", OPTIONS],
        0x8: ["pinUvAuthParam", PIN_UV_AUTH_PARAM],
        0x9: ["pinUvAuthProtocol", NUMBER],
        0xa: ["enterpriseAttestation", NUMBER],
        0xb: ["attestationFormatsPreference", list(TEXT)],
      }),
      response: numbered({
        1: ["fmt", TEXT],
        2: ["authData", AUTHENTICATOR_DATA],
        3: ["attStmt", ATTESTATION],
        4: ["epAtt", NUMBER],
        5: ["largeBlobKey", LARGE_BLOB_KEY],
        6: ["unsignedExtensionOutputs", record({}, NUMBER)],
      }),
    },
  ],
  [
    0x02,
    {
      name: "authenticatorGetAssertion",
      request: numbered({
        1: ["rpId", RP_ID],
        2: ["clientDataHash", CLIENT_DATA_HASH],
        3: ["allowList", list(CREDENTIAL)],
        4: ["extensions", EXTENSIONS],
        5: ["options", OPTIONS],
        6: ["pinUvAuthParam", PIN_UV_AUTH_PARAM],
        7: ["pinUvAuthProtocol", NUMBER],
      }),
      response: ASSERTION,
    },
  ],
  [0x04, { name: "authenticatorGetInfo", request: NOTHING, response: INFO }],
  [
    0x06,
    {
      name: "authenticatorClientPIN",
      request: numbered({
        0x1: ["pinUvAuthProtocol", NUMBER],
        0x2: ["subCommand", PIN_SUBCOMMANDS],
        0x3: ["keyAgreement", KEY_AGREEMENT],
        0x4: ["pinUvAuthParam", PIN_UV_AUTH_PARAM],
        0x5: ["newPinEnc", hidden("encrypted PIN")],
        0x6: ["pinHashEnc", hidden("PIN hash")],
        0x9: ["permissions", NUMBER],
        0xa: ["rpId", RP_ID],
      }),
      response: numbered({
        1: ["keyAgreement", KEY_AGREEMENT],
        2: ["pinUvAuthToken", hidden("token")],
        3: ["pinRetries", NUMBER],
        4: ["powerCycleState", NUMBER],
        5: ["uvRetries", NUMBER],
      }),
    },
  ],
  [0x07, { name: "authenticatorReset", request: NOTHING, response: NOTHING }],
  [0x08, { name: "authenticatorGetNextAssertion", request: NOTHING, response: ASSERTION }],
  [0x09, { name: "authenticatorBioEnrollment", ...BIO }],
  [0x0a, { name: "authenticatorCredentialManagement", ...CREDENTIAL_MANAGEMENT }],
  [0x0b, { name: "authenticatorSelection", request: NOTHING, response: NOTHING }],
  [
    0x0c,
    {
      name: "authenticatorLargeBlobs",
      request: numbered({
        1: ["get", NUMBER],
        2: ["set", hidden("large blobs")],
        3: ["offset", NUMBER],
        4: ["length", NUMBER],
        5: ["pinUvAuthParam", PIN_UV_AUTH_PARAM],
        6: ["pinUvAuthProtocol", NUMBER],
      }),
      response: numbered({ 1: ["config", hidden("large blobs")] }),
    },
  ],
  [
    0x0d,
    {
      name: "authenticatorConfig",
      request: numbered({
        1: ["subCommand", named({ 1: "enableEnterpriseAttestation", 2: "toggleAlwaysUv", 3: "setMinPINLength", 0xff: "vendorPrototype" })],
        2: [
          "subCommandParams",
          numbered({ 1: ["newMinPINLength", NUMBER], 2: ["minPinLengthRPIDs", list(RP_ID)], 3: ["forceChangePin", NUMBER], 4: ["pinComplexityPolicy", NUMBER] }),
        ],
        3: ["pinUvAuthProtocol", NUMBER],
        4: ["pinUvAuthParam", PIN_UV_AUTH_PARAM],
      }),
      response: NOTHING,
    },
  ],
  // As cards had them before CTAP 2.1 was finished (FIDO_2_1_PRE).
  [0x40, { name: "authenticatorBioEnrollment (preview)", ...BIO }],
  [0x41, { name: "authenticatorCredentialManagement (preview)", ...CREDENTIAL_MANAGEMENT }],
]);
