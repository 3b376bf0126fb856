// One suite of behaviour with the same assertions for the local engine and for both clients of a server, over
// WebSocket and over server-sent events. Then the clients behind a proxy that cuts their connections. Where
// ISOL8_TEST_CERTIFICATE names a folder with a certificate, connections are encrypted, and the local engine is left out.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before } from "node:test";
import { DockerIsol8, Isol8Error } from "@isol8/core";
import { certificateIn } from "./helpers/certificate.mjs";
import { CLIENTS } from "./helpers/clients.mjs";
import { withProxy } from "./helpers/cutting-proxy.mjs";
import { docker } from "./helpers/docker.mjs";
import { eventsOf, test, textOf } from "./helpers/harness.mjs";
import { serve } from "./helpers/served.mjs";
import "./helpers/websocket.mjs";

const KEY = "behaviour-key";

/** How many connections of each client are cut. */
const CUTS = 12;

/** Connections are cut before this many bytes of the server. */
const CUT_BYTES = 900;

/** About what a server sends to agree on the encryption. */
const HANDSHAKE_BYTES = 1000;

const FOLDER = process.env.ISOL8_TEST_CERTIFICATE;
const files = FOLDER && certificateIn(FOLDER);
const identity = files && {
  key: readFileSync(files.key),
  cert: readFileSync(files.certificate),
};

let served;
before(async () => {
  const server = files && { tlsCert: files.certificate, tlsKey: files.key };
  served = await serve(KEY, { config: server && { server } });
  assert.equal(new URL(served.host).protocol, files ? "https:" : "http:");
});
after(() => served?.stop());

let sessions = 0;

/** Runs `use` with an engine of each kind. `mode` is that of the local engine; the others use a session for it. */
function testEngines(name, { mode = "ephemeral", options = {} }, use) {
  if (!identity) {
    test(`${name} (local engine)`, async () => {
      const engine = new DockerIsol8({ mode, ...options });
      try {
        await use(engine);
      } finally {
        await engine.stop();
      }
    });
  }
  for (const [client, RemoteIsol8] of Object.entries(CLIENTS)) {
    for (const refuseWebSocket of [false, true]) {
      test(`${name} (${client}, ${refuseWebSocket ? "SSE" : "WebSocket"})`, () =>
        withProxy(served.host, { refuseWebSocket, identity }, async (host) => {
          sessions += 1;
          const session = mode === "persistent" ? { sessionId: `behaviour ${sessions}` } : {};
          const engine = new RemoteIsol8({ host, apiKey: KEY, ...session }, options);
          try {
            await use(engine, RemoteIsol8);
          } finally {
            await engine.stop();
          }
        }));
    }
  }
}

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

testEngines("a result has output, exit code and files, byte for byte", {}, async (engine) => {
  const result = await engine.execute({
    runtime: "bash",
    code: "cat given > out; echo é; echo err >&2; echo $A; exit 3",
    files: { "/sandbox/given": EVERY_BYTE },
    env: { A: "1" },
    outputPaths: ["/sandbox/out", "/sandbox/none"],
  });
  const { stdout, stderr, exitCode, termination, truncated, runtime, files } = result;
  assert.deepEqual(
    { stdout, stderr, exitCode, termination, truncated, runtime, files },
    {
      stdout: "é\n1",
      stderr: "err",
      exitCode: 3,
      termination: "exit",
      truncated: false,
      runtime: "bash",
      files: { "/sandbox/out": EVERY_BYTE.toString("base64") },
    },
  );
  assert.equal(typeof result.resourceUsage.cpuPercent, "number");
});

testEngines("a stream has the events in order, and then the result", {}, async (engine) => {
  const stream = engine.executeStream({
    runtime: "bash",
    code: "echo one; echo err >&2; echo two > a; exit 4",
    setupScript: "echo prepared",
    outputPaths: ["a"],
  });
  const events = [];
  for await (const event of stream) events.push(event);
  const phases = events.map(({ type, phase }) => `${type} ${phase}`);
  assert.deepEqual(phases.slice(0, 2), ["stdout setup", "exit setup"]);
  assert.deepEqual(events.at(-1), { type: "exit", data: "4", phase: "code" });
  assert.equal(textOf(events, "stdout"), "prepared\none\n");
  assert.equal(textOf(events, "stderr"), "err\n");
  const { exitCode, files, stdout, executionId } = stream.result;
  assert.deepEqual([exitCode, stdout], [4, undefined]);
  assert.deepEqual(Object.values(files), [Buffer.from("two\n").toString("base64")]);
  assert.equal(typeof executionId, "string");
});

testEngines(
  "output is masked, limited and timed alike",
  {
    options: { secrets: { SECRET: "hunter2" }, maxOutputSize: 100 },
  },
  async (engine) => {
    const masked = await engine.execute({ runtime: "bash", code: "echo $SECRET" });
    assert.equal(masked.stdout, "***");
    const code = "head -c 5000 /dev/zero | tr '\\0' x";
    const events = await eventsOf(engine, { runtime: "bash", code });
    assert.match(textOf(events, "stdout"), /OUTPUT TRUNCATED \(5000 bytes, limit: 100\)/);
    const slow = { runtime: "bash", code: "echo a; sleep 60", timeoutMs: 1000 };
    const late = await engine.execute(slow);
    assert.deepEqual([late.exitCode, late.stdout], [137, "a"]);
    const ended = await eventsOf(engine, slow);
    assert.deepEqual(ended.at(-2), { type: "error", data: "EXECUTION TIMED OUT", phase: "code" });
    assert.deepEqual(ended.at(-1), { type: "exit", data: "137", phase: "code" });
  },
);

testEngines("errors have the same codes, and name what is wrong", {}, async (engine, isRemote) => {
  const refusals = [
    [{ runtime: "ruby", code: "1" }, "ISOL8_UNKNOWN_RUNTIME", /Unknown runtime: "ruby"/],
    [{ runtime: "bash" }, "ISOL8_INVALID_REQUEST", /must include exactly one of/],
    [
      { runtime: "bash", code: "1", workdir: "/etc" },
      "ISOL8_INVALID_REQUEST",
      /Working directory must be inside \/sandbox/,
    ],
    [
      { runtime: "bash", code: "1", setupScript: "echo no >&2; exit 9" },
      "ISOL8_SETUP",
      /Setup script failed \(exit code 9\): no/,
    ],
  ];
  for (const [request, code, message] of refusals) {
    await assert.rejects(engine.execute(request), (error) => {
      assert.ok(error instanceof Isol8Error, String(error));
      assert.equal(error.code, code);
      return message.test(error.message);
    });
  }
  const [wrong] = refusals[0];
  if (isRemote) {
    // The error of a server's engine is one event, without a phase and an exit event.
    const [event, ...others] = await eventsOf(engine, wrong);
    assert.deepEqual([event.type, event.code, others], ["error", "ISOL8_UNKNOWN_RUNTIME", []]);
  } else {
    await assert.rejects(eventsOf(engine, wrong), { code: "ISOL8_UNKNOWN_RUNTIME" });
  }
});

testEngines("a session keeps variables and files", { mode: "persistent" }, async (engine) => {
  await engine.execute({ runtime: "python", code: "x = 42" });
  const events = await eventsOf(engine, { runtime: "python", code: "print(x)" });
  assert.equal(textOf(events, "stdout"), "42\n");
  await engine.putFile("/sandbox/deep/a b", EVERY_BYTE);
  const sum = "import hashlib; print(len(open('/sandbox/deep/a b', 'rb').read()))";
  assert.equal((await engine.execute({ runtime: "python", code: sum })).stdout, "256");
  assert.deepEqual(await engine.getFile("/sandbox/deep/a b"), EVERY_BYTE);
  await assert.rejects(engine.getFile("/sandbox/none"), { code: "ISOL8_FILE_NOT_FOUND" });
  await assert.rejects(engine.execute({ runtime: "bash", code: "1" }), {
    code: "ISOL8_RUNTIME_SWITCH",
  });
});

testEngines(
  "a session whose sandbox died gives one error that says so, and starts afresh",
  { mode: "persistent" },
  async (engine) => {
    const { containerId } = await engine.execute({ runtime: "bash", code: "touch before" });
    await docker("kill", containerId);
    const request = { runtime: "bash", code: "ls -A" };
    await assert.rejects(engine.execute(request), { code: "ISOL8_SANDBOX_LOST" });
    const fresh = await engine.execute(request);
    assert.deepEqual([fresh.stdout, fresh.sessionReset], ["main.sh", "sandbox-lost"]);
    assert.notEqual(fresh.containerId, containerId);
    assert.equal((await engine.execute(request)).sessionReset, undefined);
  },
);

testEngines(
  "files of a session are written and read while its program runs",
  { mode: "persistent" },
  async (engine) => {
    await engine.execute({ runtime: "bash", code: "true" });
    const code = "echo up; until [ -s /sandbox/go ]; do sleep 0.02; done; cat /sandbox/go";
    const events = [];
    for await (const event of engine.executeStream({ runtime: "bash", code })) {
      events.push(event);
      if (event.data !== "up\n") continue;
      await engine.putFile("/sandbox/go", "now");
      assert.equal((await engine.getFile("/sandbox/go")).toString(), "now");
    }
    assert.equal(textOf(events, "stdout"), "up\nnow");
    assert.deepEqual(events.at(-1), { type: "exit", data: "0", phase: "code" });
  },
);

testEngines("a cancelled program ends, and the next one runs", {}, async (engine) => {
  const reason = new Error("enough");
  const slow = { runtime: "bash", code: "echo ready; sleep 60" };
  const abort = new AbortController();
  const streaming = (async () => {
    for await (const { data } of engine.executeStream(slow, { signal: abort.signal })) {
      if (data === "ready\n") abort.abort(reason);
    }
  })();
  await assert.rejects(streaming, reason);
  for await (const { data } of engine.executeStream(slow)) if (data === "ready\n") break;
  const other = new AbortController();
  const running = engine.execute(slow, { signal: other.signal });
  setTimeout(() => other.abort(reason), 300);
  await assert.rejects(running, reason);
  assert.equal((await engine.execute({ runtime: "bash", code: "echo ok" })).stdout, "ok");
});

/** Returns a function that gives numbers from 0 below `limit`, the same ones for the same seed (mulberry32). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit;
  };
}

const SEED = Number(process.env.ISOL8_TEST_SEED ?? Date.now() % 1_000_000);
before(() => console.log(`ISOL8_TEST_SEED=${SEED}`));

for (const [client, RemoteIsol8] of Object.entries(CLIENTS)) {
  for (const refuseWebSocket of [false, true]) {
    const transport = refuseWebSocket ? "SSE" : "WebSocket";
    test(`a connection that is cut is an error, never a wrong result (${client}, ${transport})`, () =>
      withProxy(served.host, { refuseWebSocket, identity }, async (host, proxy) => {
        const random = randomNumbers(SEED);
        // A proxy that reads requests sees no encryption.
        const ahead = identity && !refuseWebSocket ? HANDSHAKE_BYTES : 0;
        const request = { runtime: "bash", code: "echo one; echo two >&2; exit 5" };
        let errors = 0;
        for (let count = 0; count < CUTS; count++) {
          const bytes = Math.floor(random(ahead + CUT_BYTES));
          const what = `ISOL8_TEST_SEED=${SEED}, connections cut after ${bytes} bytes`;
          proxy.bytes = bytes;
          // With connections of its own, where the client keeps them.
          const engine = new RemoteIsol8({ host, apiKey: KEY });
          const events = [];
          try {
            for await (const event of engine.executeStream(request)) events.push(event);
            assert.deepEqual(
              [events.at(-1), textOf(events, "stdout"), textOf(events, "stderr")],
              [{ type: "exit", data: "5", phase: "code" }, "one\n", "two\n"],
              what,
            );
          } catch (error) {
            assert.ok(error instanceof Isol8Error, `${what}: ${error}`);
            assert.ok(!events.some(({ type }) => type === "exit"), what);
            errors += 1;
          }
          try {
            const { stdout, stderr, exitCode } = await engine.execute(request);
            assert.deepEqual([stdout, stderr, exitCode], ["one", "two", 5], what);
          } catch (error) {
            assert.ok(error instanceof Isol8Error, `${what}: ${error}`);
            errors += 1;
          }
        }
        assert.ok(errors > 0, `nothing was cut: ISOL8_TEST_SEED=${SEED}`);
        // Past the proxy: a connection to it may be kept, and be cut in the end.
        const engine = new RemoteIsol8({ host: served.host, apiKey: KEY });
        assert.equal((await engine.execute(request)).exitCode, 5);
      }));
  }
}
