// What runs in the emulated machine, in this order.
import "./cases/no-card.ts";
import "./cases/uhid.ts";
import "./cases/one-card.ts";
import "./cases/several-interfaces.ts";
import "./cases/permission.ts";
import "./cases/replug.ts";
import "./cases/waiting.ts";
import "./cases/libfido2.ts";
