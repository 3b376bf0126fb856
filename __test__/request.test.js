// What a request brings along: environment, working directory, standard input, files.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DockerIsol8 } from "@isol8/core";

const engine = new DockerIsol8();
after(() => engine.stop());

const bash = (code, rest = {}) => engine.execute({ runtime: "bash", code, ...rest });

test("env reaches the program and wins over what isol8 sets", async () => {
  const env = { A: "1 ' \" $x", EMPTY: "", DENO_DIR: "/elsewhere" };
  const { stdout } = await bash('echo "$A|${EMPTY-unset}|$DENO_DIR"', { env });
  assert.equal(stdout, `${env.A}||/elsewhere`);
});

test("standard input is what was given, and at its end otherwise", async () => {
  assert.equal((await bash("cat", { stdin: "a\nb é" })).stdout, "a\nb é");
  assert.equal((await bash("cat; echo end")).stdout, "end");
  const large = "x".repeat(3_000_000);
  assert.equal((await bash("wc -c", { stdin: large })).stdout, "3000000");
  const unread = await bash("exec 0<&-; echo fine", { stdin: large });
  assert.deepEqual([unread.stdout, unread.exitCode], ["fine", 0]);
});

test("workdir is below /sandbox, relative or absolute, and made when missing", async () => {
  assert.equal((await bash("pwd", { workdir: "a/b" })).stdout, "/sandbox/a/b");
  assert.equal((await bash("pwd", { workdir: "/sandbox/c" })).stdout, "/sandbox/c");
  for (const workdir of ["/tmp", "../etc", "/sandbox/../etc", "/sandboxes"]) {
    await assert.rejects(bash("pwd", { workdir }), {
      message: "Working directory must be inside /sandbox",
    });
  }
});

test("files are text or bytes, and missing folders are made", async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  const files = {
    "/sandbox/deep/er/text.txt": "é\n",
    "/sandbox/bytes": bytes,
    "/sandbox/view": new Uint8Array([7, 8, 9]).subarray(1),
    "/tmp/t": "tmp",
  };
  const { stdout, stderr } = await bash(
    "cat deep/er/text.txt; od -An -tu1 bytes view | tr -s ' \\n' ' '; cat /tmp/t; stat -c %u:%g bytes",
    { files },
  );
  assert.equal(stdout, "é\n 0 255 10 13 128 8 9 tmp100:101", stderr);
});

test("a path is just a path", async () => {
  const names = ["a b", "it's", 'say "x"', "semi;touch x", "$(id)", "-rf", "new\nline", "é"];
  const files = Object.fromEntries(names.map((name) => [`/sandbox/d/${name}`, name]));
  const outputPaths = Object.keys(files);
  const result = await bash("ls d | wc -l; ls", { files, outputPaths });
  assert.equal(result.stdout, "9\nd\nmain.sh");
  for (const [path, text] of Object.entries(files)) {
    assert.equal(Buffer.from(result.files[path], "base64").toString(), text);
  }
});

test("a file's bytes are those at the call, whatever happens to the Buffer later", async () => {
  const data = Buffer.alloc(100_000, "a");
  const running = bash("tr -d a < f | wc -c", { files: { "/sandbox/f": data } });
  data.fill("b");
  assert.equal((await running).stdout, "0");
});

test("contents that are neither text nor bytes are refused", async () => {
  await assert.rejects(bash("true", { files: { "/sandbox/f": 7 } }), {
    name: "TypeError",
    message: /"\/sandbox\/f" must be a string, a Buffer/,
  });
});

test("files outside of what can be written are an error that names them", async () => {
  await assert.rejects(bash("true", { files: { "/usr/x": "1" } }), {
    message: /^Failed to write file \/usr\/x in container \(exit code 1\)/,
  });
  await assert.rejects(bash("true", { files: { relative: "1" } }), { message: /relative/ });
});

test("output files: what is missing is left out", async () => {
  const { files } = await bash("printf 'a\\0b' > made", {
    outputPaths: ["/sandbox/made", "/sandbox/missing"],
  });
  assert.deepEqual(Object.keys(files), ["/sandbox/made"]);
  assert.deepEqual(Buffer.from(files["/sandbox/made"], "base64"), Buffer.from("a\0b"));
  assert.deepEqual((await bash("true", { outputPaths: [] })).files, {});
});

test("output files come back also when the program fails", async () => {
  const result = await bash("echo x > f; exit 3", { outputPaths: ["/sandbox/f"] });
  assert.equal(result.exitCode, 3);
  assert.equal(Buffer.from(result.files["/sandbox/f"], "base64").toString(), "x\n");
});

test("a link is not followed to what the program may not read", async () => {
  const { files = {} } = await bash("ln -s /etc/shadow l; ln -s /proc/1/environ e", {
    outputPaths: ["/sandbox/l", "/sandbox/e"],
  });
  assert.deepEqual(files, {});
});

test("a large file goes in and out", async () => {
  const data = Buffer.alloc(20_000_000, "0123456789");
  const result = await bash("cp in out", {
    files: { "/sandbox/in": data },
    outputPaths: ["/sandbox/out"],
  });
  assert.ok(Buffer.from(result.files["/sandbox/out"], "base64").equals(data));
});

test("a setup script runs first, in the request's environment", async () => {
  const { stdout } = await bash("cat made", {
    setupScript: 'echo "one $A" > made\necho two >> made',
    env: { A: "1" },
  });
  assert.equal(stdout, "one 1\ntwo");
  await assert.rejects(bash("echo never", { setupScript: "echo why >&2; exit 4" }), {
    message: "Setup script failed (exit code 4): why",
    code: "ISOL8_SETUP",
  });
});
