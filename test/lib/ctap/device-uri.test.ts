import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { parseDeviceUri } from "../../../src/lib/ctap/device-uri.ts";
import { UsageError } from "../../../src/lib/errors.ts";
import { errorCode } from "../errors.ts";

t.test("what a device may be", (t) => {
  t.same(parseDeviceUri("hidraw:/dev/hidraw0"), { scheme: "hidraw", path: "/dev/hidraw0" });
  t.same(parseDeviceUri("/dev/hidraw0"), { scheme: "hidraw", path: "/dev/hidraw0" }, "a bare path");
  t.same(parseDeviceUri("./hidraw0"), { scheme: "hidraw", path: "./hidraw0" });
  t.same(parseDeviceUri("\\\\?\\HID#VID_1050"), { scheme: "hidraw", path: "\\\\?\\HID#VID_1050" }, "a path of Windows");
  t.same(parseDeviceUri("/dev/by-id:1"), { scheme: "hidraw", path: "/dev/by-id:1" }, "a colon in a path is no scheme");
  t.same(parseDeviceUri("udp:"), { scheme: "udp", host: "127.0.0.1", port: 8111, replyPort: 7112 }, "the convention");
  t.same(parseDeviceUri("udp:127.0.0.1:8111"), { scheme: "udp", host: "127.0.0.1", port: 8111, replyPort: undefined });
  t.same(parseDeviceUri("udp:card.example:1,65535"), { scheme: "udp", host: "card.example", port: 1, replyPort: 65535 });
  t.same(parseDeviceUri("udp:[::1]:8111,7112"), { scheme: "udp", host: "::1", port: 8111, replyPort: 7112 });
  t.same(parseDeviceUri("tcp:localhost:35962"), { scheme: "tcp", host: "localhost", port: 35962 });
  t.same(parseDeviceUri("tcp:[fe80::1%eth0]:35962"), { scheme: "tcp", host: "fe80::1%eth0", port: 35962 });
  t.same(parseDeviceUri("virtual:"), { scheme: "virtual", statePath: undefined });
  t.same(parseDeviceUri("virtual:card.json"), { scheme: "virtual", statePath: "card.json" });
  t.same(parseDeviceUri("virtual:a:b"), { scheme: "virtual", statePath: "a:b" });
  t.end();
});

t.test("anything else is refused", (t) => {
  const wrong = [
    "", "hidraw0", "hidraw:", ":", "usb:1050:0407", "virtual", "udp", "UDP:127.0.0.1:8111", "pcsc:", "http://localhost:80",
    "udp:127.0.0.1", "udp::8111", "udp:127.0.0.1:", "udp:127.0.0.1:0", "udp:127.0.0.1:65536", "udp:127.0.0.1:+1", "udp:127.0.0.1:0x10", "udp:127.0.0.1:08111", "udp:127.0.0.1:8111,", "udp:127.0.0.1:8111,0",
    "udp:127.0.0.1:8111,65536", "udp:127.0.0.1:8111,7112,1", "udp:::1:8111", "udp:[::1]", "udp:[::1]8111", "udp:[]:8111", "udp:127.0.0.1:8111 ", "udp:a b:1", "udp:127.0.0.1:1e3", "udp:a/b:1",
    "tcp:", "tcp:35962", "tcp:localhost", "tcp:localhost:35962,7112", "tcp:localhost:-1", "tcp:localhost:99999999999999999999",
  ];
  for (const text of wrong) t.equal(errorCode(() => parseDeviceUri(text)), "USAGE_DEVICE", JSON.stringify(text));
  t.throws(() => parseDeviceUri("udp:h:0"), { message: 'device "udp:h:0" has the port "0", expected 1 to 65535', hint: /udp:HOST:PORT\[,REPLYPORT\]/ });
  t.end();
});

t.test("any text is a device or refused", (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string().map((rest) => `udp:${rest}`), fc.string().map((rest) => `tcp:${rest}`)), (text) => {
      try {
        parseDeviceUri(text);
      } catch (error) {
        assert.ok(error instanceof UsageError);
      }
    }),
  );
  t.end();
});
