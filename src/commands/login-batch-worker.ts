import { parentPort, workerData } from "node:worker_threads";
import { BatchResponder, type BatchSetup } from "./login-batch-line.ts";

// A thread of `keyhole login --batch`: takes whole lines, gives their answers.

const responder = new BatchResponder(workerData as BatchSetup);

parentPort?.on("message", (lines: Uint8Array) => {
  void responder.answer(lines).then((answers) => parentPort?.postMessage(answers, [answers.output.buffer as ArrayBuffer]));
});
