import type { Arguments } from "../arguments.ts";

type Run = (args: Arguments) => number | Promise<number>;

/** The commands for security keys, each loaded when it is run. */
export const CTAP_RUN: Readonly<Record<string, () => Promise<Run>>> = {
  "ctap list": async () => (await import("./list.ts")).list,
  "ctap probe": async () => (await import("./probe.ts")).probe,
  "ctap info": async () => (await import("./info.ts")).info,
  "ctap make-credential": async () => (await import("./make-credential.ts")).makeCredential,
  "ctap get-assertion": async () => (await import("./get-assertion.ts")).getAssertion,
  "ctap pin set": async () => (await import("./pin.ts")).pinSet,
  "ctap pin change": async () => (await import("./pin.ts")).pinChange,
  "ctap pin retries": async () => (await import("./pin.ts")).pinRetries,
  "ctap uv-retries": async () => (await import("./pin.ts")).uvRetries,
  "ctap credentials list": async () => (await import("./credentials.ts")).credentialsList,
  "ctap credentials show": async () => (await import("./credentials.ts")).credentialsShow,
  "ctap credentials delete": async () => (await import("./credentials.ts")).credentialsDelete,
  "ctap credentials update-user": async () => (await import("./credentials.ts")).credentialsUpdateUser,
  "ctap bio list": async () => (await import("./bio.ts")).bioList,
  "ctap bio enroll": async () => (await import("./bio.ts")).bioEnroll,
  "ctap bio rename": async () => (await import("./bio.ts")).bioRename,
  "ctap bio delete": async () => (await import("./bio.ts")).bioDelete,
  "ctap blobs list": async () => (await import("./blobs.ts")).blobsList,
  "ctap blobs get": async () => (await import("./blobs.ts")).blobsGet,
  "ctap blobs set": async () => (await import("./blobs.ts")).blobsSet,
  "ctap blobs delete": async () => (await import("./blobs.ts")).blobsDelete,
  "ctap config always-uv": async () => (await import("./config.ts")).configAlwaysUv,
  "ctap config min-pin-length": async () => (await import("./config.ts")).configMinPinLength,
  "ctap config enterprise-attestation": async () => (await import("./config.ts")).configEnterpriseAttestation,
  "ctap selection": async () => (await import("./selection.ts")).selection,
  "ctap wink": async () => (await import("./wink.ts")).wink,
  "ctap ping": async () => (await import("./ping.ts")).ping,
  "ctap reset": async () => (await import("./reset.ts")).reset,
  "ctap send": async () => (await import("./send.ts")).send,
  "ctap trace show": async () => (await import("./trace.ts")).traceShow,
  "ctap trace redact": async () => (await import("./trace.ts")).traceRedact,
  "ctap virtual": async () => (await import("./virtual.ts")).virtual,
};
