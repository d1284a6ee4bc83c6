import t from "tap";
import { loadNodeHid } from "../../../../src/lib/ctap/transport/node-hid.ts";

t.test("a library that the native part needs is missing", async (t) => {
  const missing = new Error("libusb-1.0.so.0: cannot open shared object file: No such file or directory\nRequire stack:\n- node-hid");
  t.match(await loadNodeHid(() => Promise.reject(missing)).catch((error: unknown) => error), {
    code: "CTAP_HID_LIBRARY",
    kind: "outside",
    message: "node-hid cannot be loaded: libusb-1.0.so.0: cannot open shared object file: No such file or directory",
    hint: /apt install libusb-1\.0-0 libudev1/,
  });
});
