// Error messages name the problem, its place and the remedy: an unusable daemon, image, option or request,
// both collected and streamed.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DockerIsol8, Isol8Error, RemoteIsol8, RuntimeRegistry } from "../index.js";
import { hostProcess } from "./helpers/child.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { eventsOf, sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();
const BASH = { runtime: "bash", code: "echo x" };

test("the error for a missing daemon names the address, the cause and the remedy", async () => {
  await withEngine({ docker: { socketPath: "/nonexistent.sock" } }, async (lost) => {
    const expected = {
      code: "ISOL8_DOCKER_UNREACHABLE",
      message:
        /^Cannot reach Docker at unix:\/\/\/nonexistent\.sock: .+\. Is Docker installed and running\? Start it, or say where it is with DOCKER_HOST or the `docker` option\.$/,
    };
    await assert.rejects(lost.execute(BASH), expected);
    await assert.rejects(lost.execute(BASH), expected);
    await lost.start({ prewarm: true });
    const events = await eventsOf(lost, BASH);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["error", "exit"],
    );
    assert.match(events[0].data, expected.message);
    assert.equal(events[1].data, "1");
    for (const clean of [DockerIsol8.cleanup, DockerIsol8.cleanupImages]) {
      await assert.rejects(clean({ socketPath: "/nonexistent.sock" }), expected);
    }
  });
});

for (const [host, address] of [
  ["unix:///nonexistent.sock", /at unix:\/\/\/nonexistent\.sock: /],
  ["tcp://127.0.0.1:9", /at tcp:\/\/127\.0\.0\.1:9: /],
]) {
  test(`DOCKER_HOST=${host} is where Docker is looked for`, async () => {
    const { line, ended } = hostProcess(
      `const engine = new DockerIsol8();
await engine.execute({ runtime: "bash", code: "echo x" }).catch((e) => console.log(JSON.stringify([e.code, e.message])));`,
      { DOCKER_HOST: host },
    );
    const [code, message] = JSON.parse(await line());
    assert.equal(code, "ISOL8_DOCKER_UNREACHABLE");
    assert.match(message, address);
    assert.equal((await ended).code, 0);
  });
}

test("the error for a missing image names the image and the remedy", async () => {
  await withEngine({ image: "isol8-test/no-such-image:1" }, async (lost) => {
    const expected = {
      code: "ISOL8_IMAGE_MISSING",
      message: /^Image not found: isol8-test\/no-such-image:1\. Build or pull it first/,
    };
    await assert.rejects(lost.execute(BASH), expected);
    await lost.start({ prewarm: true });
    const events = await eventsOf(lost, BASH);
    assert.match(events[0].data, expected.message);
    assert.deepEqual(events[1], { type: "exit", data: "1", phase: "code" });
  });
});

test("the error for a missing OCI runtime names the runtime and the remedy", async () => {
  await withEngine({ security: { runtime: "no-such-runtime" } }, async (lost) => {
    await assert.rejects(lost.execute(BASH), {
      code: "ISOL8_OCI_RUNTIME",
      message: /"no-such-runtime" \(option security\.runtime\) does not work: .+/,
    });
  });
});

test("the error for a missing seccomp profile names the path and the cause", async () => {
  const security = { seccomp: "custom", customProfilePath: "/nonexistent.json" };
  await withEngine({ security }, async (lost) => {
    await assert.rejects(lost.execute(BASH), {
      code: "ISOL8_SECCOMP_PROFILE",
      message: /^Failed to load custom seccomp profile at \/nonexistent\.json: .+/,
    });
  });
});

const BOTH =
  "ExecutionRequest.code, ExecutionRequest.codeUrl, and ExecutionRequest.cmd are mutually exclusive — provide exactly one.";
const NONE = "ExecutionRequest must include exactly one of: code, codeUrl, or cmd.";
const AGENT_NETWORK =
  'Agent runtime requires network access. The AI coding agent needs to reach its LLM provider API. Use --net host, or --net filtered --allow "api.anthropic.com" (or your provider\'s domain).';
const REMOTE_OFF = "Remote code fetching is disabled. Set remoteCode.enabled=true to allow it.";
const UNKNOWN = 'Unknown runtime: "ruby". Available: python, node, bun, bash, deno, agent';
const PACKAGE = 'Invalid package name: "a;b". Only alphanumeric, -, _, ., /, @, and = are allowed.';

/** Requests that are refused before anything starts, by their mistake. */
const REFUSED = {
  "no request": [undefined, /^Invalid request: undefined\. It must be an object\.$/],
  "null as request": [null, /^Invalid request: null\. It must be an object\.$/],
  "a text as request": ["print(1)", /^Invalid request: print\(1\)\. It must be an object\.$/],
  "an object as variable": [{ ...BASH, env: { A: {} } }, /^Invalid request: env\.A: .*string/],
  "code and cmd": [{ runtime: "bash", code: "x", cmd: "x" }, BOTH],
  "code and codeUrl": [{ runtime: "bash", code: "x", codeUrl: "https://localhost/x" }, BOTH],
  "no source": [{ runtime: "bash" }, NONE],
  "a blank source": [{ runtime: "bash", code: " \n\t" }, NONE],
  "an unknown runtime": [{ runtime: "ruby", code: "x" }, UNKNOWN],
  "several sources of an unknown runtime": [{ runtime: "ruby", code: "x", cmd: "x" }, BOTH],
  "an agent without network": [{ runtime: "agent", code: "x" }, AGENT_NETWORK],
  "an agent without network or source": [{ runtime: "agent" }, AGENT_NETWORK],
  "a workdir elsewhere": [
    { ...BASH, workdir: "/etc" },
    "Working directory must be inside /sandbox",
  ],
  "a package name with shell": [{ ...BASH, installPackages: ["a;b"] }, PACKAGE],
  "a time limit of 0": [{ ...BASH, timeoutMs: 0 }, /^Invalid timeoutMs: 0\./],
  "a negative time limit": [{ ...BASH, timeoutMs: -1 }, /^Invalid timeoutMs: -1\./],
  "an extension with a path": [
    { ...BASH, fileExtension: "./x" },
    /^Invalid fileExtension: "\.\/x"/,
  ],
  "a file without a path": [{ ...BASH, files: { "": "x" } }, /^Invalid path in files: ""/],
  "an output without a path": [{ ...BASH, outputPaths: [""] }, /^Invalid path in outputPaths: ""/],
  "an odd variable": [{ ...BASH, env: { "A=B": "x" } }, /environment variable: "A=B"/],
  "a variable with NUL": [{ ...BASH, env: { A: "x\0y" } }, /environment variable "A"/],
  "a cmd with NUL": [{ runtime: "bash", cmd: "echo \0" }, /^Invalid cmd: /],
};

for (const [what, [request, message]] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, async () => {
    await assert.rejects(engine.execute(request), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.code, /^ISOL8_/);
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    });
    await assert.rejects(eventsOf(engine, request), { message });
  });
}

test("refused: code from a URL, unless it is allowed", async () => {
  const request = { runtime: "bash", codeUrl: "https://localhost/x" };
  await assert.rejects(engine.execute(request), { message: REMOTE_OFF });
});

test("refused: an agent with an empty whitelist", async () => {
  const message = /^Agent runtime requires at least one network whitelist entry\./;
  await withEngine({ network: "filtered" }, async (filtered) => {
    await assert.rejects(filtered.execute({ runtime: "agent", code: "x" }), { message });
  });
});

/** Options that the constructor refuses, by their mistake. */
const REFUSED_OPTIONS = {
  "a size that is none": [
    { memoryLimit: "lots" },
    'Invalid memory limit format: "lots". Use e.g. "512m", "1g".',
  ],
  "no memory": [{ memoryLimit: "0" }, /memoryLimit: 0/],
  "another size that is none": [{ sandboxSize: "1x" }, /^Invalid memory limit format: "1x"/],
  "no time": [{ timeoutMs: 0 }, /^Invalid timeoutMs: 0\./],
  "no CPU": [{ cpuLimit: 0 }, /^Invalid cpuLimit: 0\./],
  "no processes": [{ pidsLimit: -1 }, /^Invalid pidsLimit: -1\./],
  "an unknown mode": [{ mode: "sometimes" }, /^Invalid mode: "sometimes"\. Expected one of: /],
  "an unknown network": [{ network: "wifi" }, /^Invalid network: "wifi"\. Expected one of: /],
  "an unknown strategy": [{ poolStrategy: "slow" }, /"slow"\. Expected one of: /],
  "a pattern that is none": [
    { network: "filtered", networkFilter: { whitelist: ["ok", "("] } },
    /"\("/,
  ],
  "a destination that is none": [
    { audit: { enabled: true, destination: "moon" } },
    "Unsupported audit destination: moon",
  ],
  "a custom profile without its path": [
    { security: { seccomp: "custom" } },
    'security.seccomp is "custom", but security.customProfilePath is missing.',
  ],
};

for (const [what, [options, message]] of Object.entries(REFUSED_OPTIONS)) {
  test(`no engine with ${what}`, () => {
    assert.throws(() => new DockerIsol8(options), { message });
  });
}

/** Profiles that deny too much for a sandbox or for its programs, by what they deny. */
const DENYING = {
  "every system call": { defaultAction: "SCMP_ACT_ERRNO", syscalls: [] },
  "new processes": {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["clone", "clone3", "fork", "vfork"], action: "SCMP_ACT_ERRNO" }],
  },
};

for (const [what, profile] of Object.entries(DENYING)) {
  test(`the error for a seccomp profile that denies ${what} names the option and the remedy`, async () => {
    await withFolder(async (folder) => {
      const customProfilePath = join(folder, "profile.json");
      await writeFile(customProfilePath, JSON.stringify(profile));
      await withEngine({ security: { seccomp: "custom", customProfilePath } }, async (denied) => {
        await assert.rejects(denied.execute(BASH), {
          code: "ISOL8_SECCOMP_PROFILE",
          message:
            /security\.customProfilePath, which denies too much: .+ Docker's default profile/s,
        });
      });
    });
  });
}

test("errors name what was wrong where the cause alone would not", async () => {
  const remote = new RemoteIsol8({ host: "http://127.0.0.1:1", apiKey: "k" });
  await assert.rejects(remote.execute(BASH), {
    code: "ISOL8_REMOTE",
    message: /^Execution failed: cannot connect to http:\/\/127\.0\.0\.1:1: /,
  });
  await assert.rejects(engine.execute({ code: "x" }), {
    code: "ISOL8_UNKNOWN_RUNTIME",
    message: /^The request names no runtime\. Available: python, /,
  });
  await withEngine({ remoteCode: { enabled: true } }, async (fetching) => {
    await assert.rejects(fetching.execute({ runtime: "python", codeUrl: "example.com/x.py" }), {
      code: "ISOL8_REMOTE_CODE",
      message: /^Failed to fetch remote code: codeUrl is no URL such as https:/,
    });
  });
  await withEngine({ image: "No Such:1" }, async (misnamed) => {
    await assert.rejects(misnamed.execute(BASH), {
      code: "ISOL8_IMAGE_MISSING",
      message: /^Image not found: No Such:1\. .+`image` option/,
    });
  });
  await withEngine({ mode: "persistent", sandboxSize: "1m" }, async (session) => {
    await session.execute(BASH);
    await assert.rejects(session.putFile("", "x"), { message: /^Invalid path in putFile: ""/ });
    await assert.rejects(session.getFile(""), { message: /^Invalid path in getFile: ""/ });
    await assert.rejects(session.putFile("large", Buffer.alloc(4 << 20)), {
      message: /No space left on device\. Raise sandboxSize, tmpSize or memoryLimit/,
    });
    await assert.rejects(session.putFile("/etc/x", "x"), {
      message: /Files can be written in \/sandbox and \/tmp\.$/,
    });
  });
});

test("no error contains a secret", async () => {
  const secret = "do-not-tell";
  const options = { secrets: { TOKEN: secret }, docker: { socketPath: "/nonexistent.sock" } };
  await withEngine(options, async (lost) => {
    await assert.rejects(lost.execute({ ...BASH, env: { OTHER: secret } }), (error) => {
      assert.ok(!`${error.message}${error.stack}`.includes(secret));
      return true;
    });
  });
  for (const value of [`${secret}\0`, secret.repeat(20_000)]) {
    assert.throws(
      () => new DockerIsol8({ secrets: { TOKEN: value } }),
      (error) => /"TOKEN"/.test(error.message) && !error.message.includes(secret),
    );
  }
});

test("every error is an Isol8Error with a code, in import and require", async () => {
  assert.equal(createRequire(import.meta.url)("../index.cjs").Isol8Error, Isol8Error);
  const remote = new RemoteIsol8({ host: "http://127.0.0.1:1", apiKey: "k" });
  const failing = {
    ISOL8_INVALID_OPTION: () => new DockerIsol8({ memoryLimit: "lots" }),
    ISOL8_UNKNOWN_RUNTIME: () => RuntimeRegistry.get("cobol"),
    ISOL8_INVALID_REQUEST: () => engine.execute({ ...BASH, files: { "/sandbox/a": 7 } }),
    ISOL8_REMOTE: () => remote.execute(BASH),
    ISOL8_NO_ACTIVE_CONTAINER: () => remote.getFile("/sandbox/a"),
  };
  for (const [code, fail] of Object.entries(failing)) {
    const error = await (async () => fail())().then(assert.fail, (failure) => failure);
    assert.ok(error instanceof Isol8Error && error instanceof Error, code);
    assert.deepEqual([error.code, error.name], [code, "Isol8Error"]);
    assert.ok(error.message.length > 5 && error.stack.includes(error.message));
  }
});

test("errors of maxConcurrent name it", () => {
  for (const limit of [0, -1, Number.NaN, "x", null, 2 ** 32]) {
    assert.throws(() => new DockerIsol8({}, limit), {
      code: "ISOL8_INVALID_OPTION",
      message: `Invalid maxConcurrent: ${limit}. It must be a number of at least 1.`,
    });
  }
});

test("file errors tell a missing file, a refusal, a folder and a lack of room apart", async () => {
  await withEngine({ mode: "persistent", sandboxSize: "1m" }, async (session) => {
    await session.execute({ runtime: "bash", code: "mkdir /sandbox/folder" });
    const failing = {
      ISOL8_FILE_NOT_FOUND: () => session.getFile("/sandbox/none"),
      ISOL8_FILE_DENIED: () => session.putFile("/etc/passwd", "x"),
      ISOL8_NOT_A_FILE: () => session.getFile("/sandbox/folder"),
      ISOL8_NO_SPACE: () => session.putFile("/sandbox/large", Buffer.alloc(4 << 20)),
    };
    for (const [code, fail] of Object.entries(failing)) {
      await assert.rejects(fail, (error) => {
        assert.equal(error.code, code, error.message);
        return error instanceof Isol8Error && /^Failed to (read|write) file \//.test(error.message);
      });
    }
    await assert.rejects(session.putFile("/sandbox/folder", "x"), { code: "ISOL8_NOT_A_FILE" });
  });
});
