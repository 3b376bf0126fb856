// The server under test, and raw requests to it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LAUNCHER } from "./package.mjs";

/** The key of every server here. */
export const KEY = "benchmark";

/** Returns a port that was free a moment ago. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** Starts `isol8 serve` with this configuration. Returns its address, the process that serves, and `stop`. */
export async function serve(config) {
  const folder = mkdtempSync(join(tmpdir(), "isol8-benchmark-"));
  writeFileSync(join(folder, "isol8.config.json"), JSON.stringify(config));
  const port = await freePort();
  const words = ["serve", "--keep-images", "--hostname", "127.0.0.1", "--port", String(port)];
  const child = spawn(process.execPath, [LAUNCHER, ...words, "--key", KEY], {
    cwd: folder,
    env: { ...process.env, HOME: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes(" listening on ")) return true;
    }
    return false;
  })();
  if (!(await Promise.race([listening, ended.then(() => false)]))) {
    await stop();
    throw new Error("the server has ended before it served");
  }
  child.stdout.resume();
  const children = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return {
    host: `http://127.0.0.1:${port}`,
    port,
    program: () => Number.parseInt(children(), 10),
    stop,
  };
}

const agent = new Agent({ keepAlive: true, noDelay: true });

/** Runs a request on a server, over a connection that is open already. Returns the result. */
export async function execute(server, body) {
  const text = JSON.stringify({ request: body });
  const headers = { authorization: `Bearer ${KEY}`, "content-length": Buffer.byteLength(text) };
  const sent = request(`${server.host}/execute`, { method: "POST", headers, agent });
  sent.end(text);
  const [response] = await once(sent, "response");
  let answer = "";
  for await (const part of response.setEncoding("utf8")) answer += part;
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${answer}`);
  return JSON.parse(answer);
}
