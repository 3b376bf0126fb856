// Values of wrong types in every field of options and requests: each is an error at once. None is a crash, a hang,
// or silently ignored.

import assert from "node:assert/strict";
import {
  buildBaseImages,
  buildCustomImage,
  DenoAdapter,
  DockerIsol8,
  Isol8Error,
  imageExists,
  loadConfig,
  RuntimeRegistry,
  Semaphore,
} from "../index.js";
import { eventsOf, outputOf, sharedEngine, test } from "./helpers/harness.mjs";

// No request below reaches a daemon.
const docker = { socketPath: "/nonexistent.sock" };
const engine = sharedEngine({ docker });
const session = sharedEngine({ docker, mode: "persistent" });
const local = sharedEngine();

const circular = {};
circular.self = circular;
const MINE = new Error("of the getter");

/** Values that no field accepts. */
const NEVER = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "a bigint": 10n,
  "a circular object": circular,
  "a deep list": JSON.parse("[".repeat(500) + "]".repeat(500)),
  "a getter that throws": {
    get field() {
      throw MINE;
    },
  },
  "a proxy that throws": new Proxy(
    {},
    {
      get() {
        throw MINE;
      },
      ownKeys() {
        throw MINE;
      },
    },
  ),
};

/** Values of types that only some fields accept. */
const VALUES = {
  text: "x",
  "a number": -1.5,
  "a boolean": true,
  "a list": [1],
  "an empty list": [],
  "a list of an option's word": ["strict"],
  "an object": { a: 1 },
  "an own __proto__": JSON.parse('{"__proto__": {"a": 1}}'),
};

/** Which of `VALUES` each option and field accepts. */
const OPTIONS = {
  mode: [],
  network: [],
  networkFilter: ["an object", "an own __proto__"],
  installRegistries: [],
  cpuLimit: [],
  memoryLimit: [],
  pidsLimit: [],
  readonlyRootFs: ["a boolean"],
  maxOutputSize: [],
  maxOutputFilesSize: [],
  secrets: [],
  timeoutMs: [],
  image: ["text"],
  sandboxSize: [],
  tmpSize: [],
  volumeSize: [],
  persist: ["a boolean"],
  logNetwork: ["a boolean"],
  security: ["an object", "an own __proto__"],
  audit: ["an object", "an own __proto__"],
  remoteCode: ["an object", "an own __proto__"],
  poolStrategy: [],
  requestLimits: [],
  idleMs: [],
  poolSize: ["an object", "an own __proto__"],
};
const FIELDS = {
  runtime: [],
  code: ["text"],
  cmd: ["text"],
  codeHash: ["text"],
  allowInsecureCodeUrl: ["a boolean"],
  timeoutMs: [],
  env: ["an object"],
  fileExtension: ["text"],
  stdin: ["text"],
  outputPaths: ["an empty list", "a list of an option's word"],
  installPackages: ["text", "an empty list", "a list of an option's word"],
  metadata: ["an object"],
  setupScript: ["text"],
  workdir: ["text"],
  agentFlags: ["text"],
};

/** Asserts that an error names the problem: one of ours, or the one that the caller's own getter threw. */
function isClear(error) {
  if (error === MINE) return true;
  assert.match(String(error.code), /^ISOL8_(INVALID|UNKNOWN)_/, `${error}`);
  assert.ok(error.message.length > 10, error.message);
  return true;
}

function cases(taken) {
  const refused = Object.entries(VALUES).filter(([what]) => !taken.includes(what));
  return [...Object.entries(NEVER), ...refused];
}

for (const [option, taken] of Object.entries(OPTIONS)) {
  test(`option ${option}: a value of the wrong type is refused`, () => {
    for (const [what, value] of cases(taken)) {
      assert.throws(() => new DockerIsol8({ [option]: value }), isClear, what);
    }
    for (const what of taken) new DockerIsol8({ [option]: VALUES[what] });
  });
}

for (const [field, taken] of Object.entries(FIELDS)) {
  test(`request.${field}: a value of the wrong type is refused`, async () => {
    const base = field === "cmd" ? { runtime: "bash" } : { runtime: "bash", code: "true" };
    for (const [what, value] of cases(taken)) {
      const request = { ...base, [field]: value };
      await assert.rejects(engine.execute(request), isClear, what);
      await assert.rejects(eventsOf(engine, request), isClear, what);
    }
  });
}

test("options, requests and arguments that are not objects are refused", async () => {
  const wrong = [5, "x", true, Symbol("x"), 10n, [], () => {}];
  for (const value of wrong) {
    assert.throws(() => new DockerIsol8(value), isClear);
    await assert.rejects(engine.execute(value), isClear);
    await assert.rejects(eventsOf(engine, value), isClear);
    await assert.rejects(engine.start(value), isClear);
  }
  for (const value of [undefined, null]) {
    assert.ok(new DockerIsol8(value));
    await assert.rejects(engine.execute(value), isClear);
  }
  for (const value of [5, "/var/run/docker.sock", true, { modem: 5 }, {}, { modem: {} }]) {
    assert.throws(() => new DockerIsol8({ docker: value }), isClear);
    await assert.rejects(DockerIsol8.cleanup(value), isClear);
  }
  for (const signal of [5, "x", {}]) {
    const request = { runtime: "bash", code: "true" };
    await assert.rejects(engine.execute(request, { signal }), isClear);
    await assert.rejects(eventsOf(engine, request, { signal }), isClear);
  }
  for (const path of [5, null, undefined, {}, Symbol("x")]) {
    await assert.rejects(session.getFile(path), isClear);
    await assert.rejects(session.putFile(path, "x"), isClear);
  }
  for (const content of [5, null, {}, [1]]) {
    const message = /must be a string, a Buffer or another view of bytes/;
    await assert.rejects(session.putFile("/sandbox/f", content), { message });
    const files = { "/sandbox/f": content };
    await assert.rejects(engine.execute({ runtime: "bash", code: "true", files }), { message });
  }
});

test("wrong arguments of functions, the registry and the semaphore are Isol8Errors", async () => {
  const half = { name: "half", image: "isol8:bash", getCommand: () => ["true"] };
  const wrong = {
    "a folder": () => loadConfig(5),
    "a name of an image": () => imageExists(docker, 5),
    "a callback": () => buildBaseImages(docker, 5),
    "a bigint": () => buildCustomImage(docker, "bash", [1n], "x"),
    "no adapter": () => RuntimeRegistry.register(),
    "an adapter without a name": () => RuntimeRegistry.register({ ...half, name: undefined }),
    "an adapter without a method": () => RuntimeRegistry.register(half),
    "an extension": () => RuntimeRegistry.register({ ...half, getFileExtension: () => 5 }),
    aliases: () => RuntimeRegistry.register({ ...half, getFileExtension: () => ".half" }, 5),
    "a runtime": () => RuntimeRegistry.get(Symbol("x")),
    "a file": () => RuntimeRegistry.detect(undefined),
    "an object without text": () => RuntimeRegistry.detect(Object.create(null)),
    "code for Deno": () => DenoAdapter.getCommand("1"),
    "a semaphore": () => new Semaphore(0),
    files: () => engine.execute({ runtime: "bash", code: "true", files: 5 }),
  };
  for (const [what, fail] of Object.entries(wrong)) {
    await assert.rejects(
      async () => fail(),
      (error) => {
        assert.ok(error instanceof Isol8Error, `${what}: ${error}`);
        return isClear(error);
      },
    );
  }
  const names = RuntimeRegistry.list().map(({ name }) => name);
  assert.ok(!names.includes("half"), "nothing of a refused adapter stays");
});

test("the error for a nested value names its path", () => {
  const at = (options) => {
    try {
      return new DockerIsol8(options);
    } catch (error) {
      return error.message;
    }
  };
  assert.equal(
    at({ poolSize: { clean: Number.NaN } }),
    "Invalid poolSize.clean: NaN. It must be a finite number.",
  );
  assert.equal(at({ pidsLimit: 64n }), "Invalid pidsLimit: 64. It must be a number, not a bigint.");
  assert.equal(at({ secrets: circular }), "Invalid secrets.self: it contains itself.");
});

test("the same object may appear twice, and prototypes are not changed", async () => {
  const list = ["^a$"];
  assert.ok(new DockerIsol8({ networkFilter: { whitelist: list, blacklist: list } }));
  new DockerIsol8(JSON.parse('{"__proto__": {"polluted": true}}'));
  const request = JSON.parse('{"runtime": "bash", "__proto__": {"code": "true"}}');
  await assert.rejects(engine.execute(request), isClear);
  assert.equal({}.polluted, undefined);
});

test("a lone surrogate becomes a replacement character", async () => {
  const code = "printf %s '\ud83d' \"$V\"; cat";
  const request = { runtime: "bash", code, env: { V: "a\udc00b" }, stdin: "\ud800" };
  assert.equal(await outputOf(local, request), "\ufffda\ufffdb\ufffd");
});
