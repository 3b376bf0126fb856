// What a program prints of a secret without meaning to hide it is masked. Files are not changed.

import assert from "node:assert/strict";
import { hostProcess } from "./helpers/child.mjs";
import { outputOf, test, withEngine } from "./helpers/harness.mjs";

const KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n";
const PASSWORD = 'p4ss/wörd +"?&';

test("lines and encoded forms of secrets are masked, in results and in streams", async () => {
  const code = `
import base64, json, os, sys, urllib.parse
key, password = os.environ["KEY"], os.environ["PASSWORD"]
data = password.encode()
print("whole", key.rstrip("\\n"), "end")
for line in key.splitlines():
    print("line", line)
for before in ("", "a", "ab", "user:"):
    print("base64", base64.b64encode(before.encode() + data + b" and more").decode())
    print("base64", base64.urlsafe_b64encode(before.encode() + data).decode())
print("hex", data.hex(), data.hex().upper())
print("url", urllib.parse.quote(password), urllib.parse.quote_plus(password), urllib.parse.quote(password, safe=""))
print("json", json.dumps(password), json.dumps(password, ensure_ascii=False), json.dumps(key))
`;
  await withEngine({ secrets: { KEY, PASSWORD } }, async (engine) => {
    const stdout = await outputOf(engine, { runtime: "python", code });
    const lines = stdout.split("\n");
    assert.equal(lines[0], "whole *** end");
    assert.deepEqual(lines.slice(1, 5), Array(4).fill("line ***"));
    assert.equal(lines.length, 16, stdout);
    const core = Buffer.from(PASSWORD).toString("base64").slice(4, 12);
    for (const line of lines) assert.ok(line.includes("***"), line);
    for (const part of [core, "7034737", "p4ss", "MIIEvQ", "hkiG9w"]) {
      assert.ok(!stdout.includes(part), `${part}: ${stdout}`);
    }
    assert.equal(lines[13], "hex *** ***");
    assert.equal(lines[14], "url *** *** ***");
  });
});

test("files of outputPaths and of getFile are not changed", async () => {
  await withEngine({ mode: "persistent", secrets: { PASSWORD } }, async (engine) => {
    const code = 'printf %s "$PASSWORD" >f; cat f';
    const result = await engine.execute({ runtime: "bash", code, outputPaths: ["/sandbox/f"] });
    assert.equal(result.stdout, "***");
    assert.equal(Buffer.from(result.files["/sandbox/f"], "base64").toString(), PASSWORD);
    assert.equal((await engine.getFile("/sandbox/f")).toString(), PASSWORD);
  });
});

test("short values give one warning, with their names and without the values", async () => {
  const program = `const secrets = { PIN: "4711", CODE: "xyzzy", EMPTY: "", LONG: "123456" };
const engine = new DockerIsol8({ secrets });
for (let i = 0; i < 2; i += 1) {
  console.log((await engine.execute({ runtime: "bash", code: 'echo "$PIN $CODE"' })).stdout);
}
await engine.stop();`;
  const { stdout, stderr } = await hostProcess(program).ended;
  assert.equal(stdout, "*** ***\n*** ***\n", stderr);
  const warnings = stderr.split("\n").filter((line) => line.startsWith("[WARN]"));
  assert.equal(warnings.length, 1, stderr);
  assert.match(warnings[0], /fewer than 6 characters.*: CODE, PIN$/);
});
