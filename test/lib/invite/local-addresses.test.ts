import { networkInterfaces, type NetworkInterfaceInfo } from "node:os";
import t from "tap";
import { mailboxUrlAt, privateAddresses } from "../../../src/lib/invite/local-addresses.ts";

function at(...addresses: readonly string[]): NetworkInterfaceInfo[] {
  return addresses.map((address) => ({ address, netmask: "", mac: "", internal: false, cidr: null, ...(address.includes(":") ? { family: "IPv6", scopeid: 0 } : { family: "IPv4" }) }));
}

t.test("private addresses", (t) => {
  const kept = ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.2", "fd12:3456::1", "fc00::1"];
  const others = ["127.0.0.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "172.160.0.1", "192.169.0.1", "11.0.0.1", "169.254.1.1", "100.64.0.1", "::1", "fe80::1", "2001:db8::1", "ff02::1"];
  for (const address of kept) t.same(privateAddresses({ eth0: at(address) }), [address]);
  for (const address of others) t.same(privateAddresses({ eth0: at(address) }), [], address);
  t.same(privateAddresses({ lo: at("127.0.0.1"), eth0: at("fd00::1", "10.0.0.1"), wlan0: at("10.0.0.1", "192.168.0.9"), gone: undefined }), ["10.0.0.1", "192.168.0.9", "fd00::1"]);
  t.ok(Array.isArray(privateAddresses(networkInterfaces())));
  t.end();
});

t.test("URL", (t) => {
  t.equal(mailboxUrlAt({ host: "10.0.0.1", port: 4000 }), "ws://10.0.0.1:4000/v1");
  t.equal(mailboxUrlAt({ host: "fd00::1", port: 4000 }), "ws://[fd00::1]:4000/v1");
  t.equal(mailboxUrlAt({ host: "here.example", port: 80 }), "ws://here.example:80/v1");
  t.end();
});
