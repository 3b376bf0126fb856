// Both clients of a server, for tests that hold for each of them.

import * as isol8 from "@isol8/core";
import * as remote from "@isol8/core/remote";
import { test } from "./harness.mjs";

/** The clients by name. */
export const CLIENTS = {
  "native client": isol8.RemoteIsol8,
  "client without native code": remote.RemoteIsol8,
};

/** Defines a test for each client. `body` gets its class. */
export function testClients(name, body) {
  for (const [client, RemoteIsol8] of Object.entries(CLIENTS)) {
    test(`${name} (${client})`, () => body(RemoteIsol8));
  }
}
