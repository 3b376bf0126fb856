// Servers in this process.

import { createServer } from "../../index.js";
import { backend } from "./backend.mjs";
import { CLIENTS } from "./clients.mjs";

/** The key of the operator. */
export const KEY = "create-server-key";

/** Nothing is started ahead. The key is that of the tests. */
export const PLAIN = {
  port: 0,
  hostname: "127.0.0.1",
  apiKey: KEY,
  backend,
  config: { poolSize: 0 },
};

/** Runs `use` with a server. */
export async function withServer(options, use) {
  const server = await createServer({ ...PLAIN, ...options });
  try {
    return await use(server);
  } finally {
    await server.shutdown({ graceMs: 0 });
  }
}

/** Returns a client of the server. */
export const clientOf = ({ url }, options = {}, RemoteIsol8 = CLIENTS["native client"]) =>
  new RemoteIsol8({ host: url, apiKey: KEY, ...options });
