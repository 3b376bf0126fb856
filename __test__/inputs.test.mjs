// What a program gets from its request: environment, working directory, standard input and files. And the
// files that come back.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { outputOf, sharedEngine, test } from "./helpers/harness.mjs";

const engine = sharedEngine();
const python = (code, more) => outputOf(engine, { runtime: "python", code, ...more });
const bash = (code, more) => outputOf(engine, { runtime: "bash", code, ...more });

test("env reaches the program as it is", async () => {
  const env = { PLAIN: "a", QUOTED: `'"\`$(x) \\;`, LINES: "a\nb\n", EMPTY: "", UNICODE: "häß 🎈" };
  const code = `import json, os; print(json.dumps({k: os.environ[k] for k in ${JSON.stringify(Object.keys(env))}}))`;
  assert.deepEqual(JSON.parse(await python(code, { env })), env);
});

test("the environment has the paths of runtime installs, and nothing of the host", async () => {
  const lines = (await bash("env -0 | sort -z | tr '\\0' '\\n'", { env: { HOME: "/sandbox/h" } }))
    .split("\n")
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
  const env = Object.fromEntries(lines);
  assert.equal(env.PYTHONUNBUFFERED, "1");
  assert.equal(env.PYTHONUSERBASE, "/sandbox/.local");
  assert.equal(env.NPM_CONFIG_PREFIX, "/sandbox/.npm-global");
  assert.equal(env.DENO_DIR, "/sandbox/.deno");
  assert.match(
    env.PATH,
    /^\/sandbox\/\.local\/bin:\/sandbox\/\.npm-global\/bin:\/sandbox\/\.bun-global\/bin:/,
  );
  assert.match(env.NODE_PATH, /^\/usr\/local\/lib\/node_modules:/);
  assert.equal(env.HOME, "/sandbox/h");
  assert.ok(!("HTTP_PROXY" in env));
  assert.ok(!("DOCKER_HOST" in env));
});

test("numbers and booleans in env are their text", async () => {
  const env = { PORT: 3000, DEBUG: true, NONE: undefined };
  assert.equal(await bash('echo "$PORT $DEBUG ${NONE-unset}"', { env }), "3000 true unset");
});

test("the environment of one execution is not visible to the next", async () => {
  await bash(":", { env: { ONLY_ONCE: "1" } });
  assert.equal(await bash('echo "${ONLY_ONCE-unset}"'), "unset");
});

for (const [workdir, expected] of [
  [undefined, "/sandbox"],
  ["a/b c", "/sandbox/a/b c"],
  ["/sandbox/abs", "/sandbox/abs"],
  ["x/../y/.", "/sandbox/y"],
]) {
  test(`workdir ${JSON.stringify(workdir)} is ${expected}`, async () => {
    assert.equal(await bash("pwd", { workdir }), expected);
  });
}

for (const workdir of ["/etc", "..", "a/../../etc", "/sandbox/../etc", "/sandboxed"]) {
  test(`workdir ${workdir} is refused`, async () => {
    await assert.rejects(engine.execute({ runtime: "bash", code: "pwd", workdir }), {
      message: "Working directory must be inside /sandbox",
      code: "ISOL8_INVALID_REQUEST",
    });
  });
}

test("stdin is read to its end", async () => {
  assert.equal(await bash("cat; echo .", { stdin: "a\nü" }), "a\nü.");
});

test("without stdin, a program reads the end of file at once", async () => {
  assert.equal(await python("import sys; print(repr(sys.stdin.read()))"), "''");
});

test("stdin of more than 1 MiB arrives whole", async () => {
  const stdin = randomBytes(1_500_000).toString("base64");
  const code =
    "import hashlib, sys; d = sys.stdin.buffer.read(); print(len(d), hashlib.sha256(d).hexdigest())";
  const hash = createHash("sha256").update(stdin).digest("hex");
  assert.equal(await python(code, { stdin }), `${stdin.length} ${hash}`);
});

test("a program that does not read its large stdin still ends", async () => {
  assert.equal(await bash("echo done", { stdin: "x".repeat(3 << 20) }), "done");
});

test("a program can read and write at the same time", async () => {
  const stdin = "0123456789abcdef".repeat(1 << 16);
  await outputOf(engine, { runtime: "bash", code: "cat", stdin }).then((stdout) => {
    assert.equal(stdout.length, 1 << 20);
  });
});

const ODD_PATHS = [
  "/sandbox/plain.txt",
  "/sandbox/with space.txt",
  "/sandbox/'single' \"double\".txt",
  "/sandbox/a;touch b;.txt",
  "/sandbox/$(echo x) `y` $HOME.txt",
  "/sandbox/line\nbreak.txt",
  "/sandbox/-rf",
  "/sandbox/grüße 日本 🎈.txt",
  "/sandbox/back\\slash*?[x].txt",
  "/sandbox/deep/er/and deeper/file",
  "/tmp/elsewhere/file",
];

test("files with unusual paths arrive and come back", async () => {
  const files = Object.fromEntries(
    ODD_PATHS.map((path, index) => [
      path,
      index % 2 ? `text ${index} ü` : randomBytes(100 + index),
    ]),
  );
  const code = `
import hashlib, json, os
found = {}
for root in ("/sandbox", "/tmp"):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            found[path] = hashlib.sha256(open(path, "rb").read()).hexdigest()
found.pop("/sandbox/main.py")
print(json.dumps(found))`;
  const result = await engine.execute({ runtime: "python", code, files, outputPaths: ODD_PATHS });
  assert.equal(result.exitCode, 0, result.stderr);
  const hash = (content) => createHash("sha256").update(content).digest("hex");
  const expected = Object.fromEntries(ODD_PATHS.map((path) => [path, hash(files[path])]));
  assert.deepEqual(JSON.parse(result.stdout), expected);
  for (const path of ODD_PATHS) {
    assert.deepEqual(Buffer.from(result.files[path], "base64"), Buffer.from(files[path]), path);
  }
});

test("a large file goes in and comes out whole", async () => {
  const data = randomBytes(20 << 20);
  const result = await engine.execute({
    runtime: "bash",
    code: "mv /sandbox/in /sandbox/out",
    files: { "/sandbox/in": data },
    outputPaths: ["/sandbox/out"],
  });
  assert.equal(result.exitCode, 0, result.stderr);
  assert.ok(Buffer.from(result.files["/sandbox/out"], "base64").equals(data));
});

test("files may be text or bytes of any kind", async () => {
  const all = new Uint8Array([0, 1, 255, 2]);
  const contents = {
    "/sandbox/text": "\u0001\u00e9",
    "/sandbox/buffer": Buffer.from([1, 255]),
    "/sandbox/view": all.subarray(1, 3),
    "/sandbox/data-view": new DataView(all.buffer, 1, 2),
    "/sandbox/array-buffer": all.slice(1, 3).buffer,
  };
  const { files } = await engine.execute({
    runtime: "bash",
    code: ":",
    files: contents,
    outputPaths: Object.keys(contents),
  });
  const { "/sandbox/text": text, ...bytes } = files;
  assert.equal(Buffer.from(text, "base64").toString(), "\u0001\u00e9");
  assert.deepEqual([...new Set(Object.values(bytes))], [Buffer.from([1, 255]).toString("base64")]);
  assert.equal(Object.keys(bytes).length, 4);
});

test("files belong to the sandbox user and have the bytes at the time of the call", async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const running = bash("stat -c '%u %g' f; od -An -tu1 f; rm f", {
    files: { "/sandbox/f": bytes },
  });
  bytes.fill(9);
  assert.deepEqual((await running).split(/\s+/), ["100", "101", "1", "2", "3"]);
});

test("a program file in files does not replace the program", async () => {
  const files = { "/sandbox/main.sh": "echo wrong" };
  assert.equal(await bash("echo right", { files }), "right");
});

test("a file that cannot be written is an error that names it", async () => {
  const files = { "/etc/passwd": "x" };
  await assert.rejects(engine.execute({ runtime: "bash", code: ":", files }), {
    message: /^Failed to write file \/etc\/passwd in container \(exit code 1\)/,
    code: "ISOL8_FILE_DENIED",
  });
});

test("outputPaths: a missing path, a folder and an unreadable file are left out", async () => {
  const result = await engine.execute({
    runtime: "bash",
    code: "printf x >a; : >empty; mkdir d; mkfifo p; printf s >secret; chmod 0 secret; exit 4",
    outputPaths: ["a", "empty", "d", "p", "none", "secret"].map((name) => `/sandbox/${name}`),
  });
  assert.equal(result.exitCode, 4);
  assert.deepEqual(result.files, { "/sandbox/a": "eA==", "/sandbox/empty": "" });
});

test("outputPaths: an empty list gives an empty object", async () => {
  const result = await engine.execute({ runtime: "bash", code: ":", outputPaths: [] });
  assert.deepEqual(result.files, {});
});

test("outputPaths do not give access to files of the guest", async () => {
  const result = await engine.execute({
    runtime: "bash",
    code: "ln -s /proc/1/environ environ; ln -s /proc/1/mem mem; ln -s /etc/shadow shadow",
    outputPaths: ["/sandbox/environ", "/sandbox/mem", "/sandbox/shadow", "/proc/1/environ"],
  });
  assert.deepEqual(result.files, {});
});
