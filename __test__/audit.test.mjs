// The audit log, as a user of the package gets it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hostProcess } from "./helpers/child.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { eventsOf, test, until, withEngine } from "./helpers/harness.mjs";

const BASH = { runtime: "bash", code: "echo x" };

const readLog = async (folder) =>
  (await readFile(join(folder, "executions.log"), "utf8")).trimEnd().split("\n").map(JSON.parse);

test("audit: each execution is one line, with exactly the documented fields", async () => {
  await withFolder(async (folder) => {
    const options = { audit: { enabled: true, logDir: join(folder, "new/log") } };
    const code = "echo out; echo err >&2; exit 3";
    const metadata = { userId: "u-1", order: "7" };
    let results;
    await withEngine(options, async (audited) => {
      results = await Promise.all([
        audited.execute({ runtime: "bash", code, metadata }),
        audited.execute(BASH),
      ]);
      await eventsOf(audited, BASH);
    });
    const lines = await readLog(join(folder, "new/log"));
    assert.equal(lines.length, 3);
    const line = lines.find(({ executionId }) => executionId === results[0].executionId);
    const { resourceUsage, ...rest } = line;
    assert.deepEqual(rest, {
      executionId: results[0].executionId,
      userId: "u-1",
      timestamp: results[0].timestamp,
      runtime: "bash",
      codeHash: createHash("sha256").update(code).digest("hex"),
      containerId: results[0].containerId,
      exitCode: 3,
      termination: "exit",
      durationMs: results[0].durationMs,
      metadata,
    });
    assert.deepEqual(resourceUsage, results[0].resourceUsage);
    assert.equal(
      lines.find(({ executionId }) => executionId === results[1].executionId).userId,
      "",
    );
  });
});

test("audit: code and output are recorded on request, with secrets masked", async () => {
  await withFolder(async (folder) => {
    const audit = { enabled: true, logDir: folder, includeCode: true, includeOutput: true };
    const options = { audit: { ...audit, trackResources: false }, secrets: { TOKEN: "hunter2" } };
    await withEngine(options, async (audited) => {
      const code = "echo $TOKEN; echo hunter2 >&2";
      const result = await audited.execute({ runtime: "bash", code });
      assert.equal(result.resourceUsage, undefined);
    });
    const [line] = await readLog(folder);
    assert.deepEqual(
      [line.code, line.stdout.trim(), line.stderr.trim(), line.resourceUsage],
      ["echo $TOKEN; echo *** >&2", "***", "***", undefined],
    );
  });
});

test("audit: ISOL8_AUDIT_DIR is the default folder, and stdout is a destination", async () => {
  await withFolder(async (folder) => {
    const program = (audit) => `const engine = new DockerIsol8({ audit: ${JSON.stringify(audit)} });
await engine.execute({ runtime: "bash", code: "echo x" });
await engine.stop();`;
    const env = { ISOL8_AUDIT_DIR: folder };
    const toFile = await hostProcess(program({ enabled: true }), env).ended;
    assert.deepEqual([toFile.code, toFile.stdout], [0, ""], toFile.stderr);
    assert.equal((await readLog(folder)).length, 1);
    const audit = { enabled: true, destination: "stdout" };
    const toStdout = await hostProcess(program(audit), env).ended;
    assert.match(toStdout.stdout, /^AUDIT_LOG: ?\{.*\}\n$/);
    assert.equal(JSON.parse(toStdout.stdout.replace("AUDIT_LOG:", "")).runtime, "bash");
    assert.equal((await readLog(folder)).length, 1);
  });
});

test("audit: the post-log script receives the path of the log", async () => {
  await withFolder(async (folder) => {
    const script = join(folder, "after.sh");
    await writeFile(script, `#!/bin/sh\necho "$@" >>${folder}/told\n`, { mode: 0o755 });
    const audit = { enabled: true, logDir: join(folder, "log"), postLogScript: script };
    await withEngine({ audit }, (audited) => audited.execute(BASH));
    const told = () => readFile(join(folder, "told"), "utf8").catch(() => "");
    await until(told, "the script has run");
    assert.equal(await told(), `${join(folder, "log", "executions.log")}\n`);
  });
});

test("audit: no program runs while the log cannot be written", async () => {
  await withFolder(async (folder) => {
    const logDir = join(folder, "in-the-way");
    await writeFile(logDir, "");
    await withEngine({ audit: { enabled: true, logDir } }, async (audited) => {
      const code = "echo ran";
      const expected = {
        code: "ISOL8_AUDIT",
        message: /in-the-way\/executions\.log: .+ \(audit\.logDir /,
      };
      await assert.rejects(audited.execute({ runtime: "bash", code }), expected);
      await rm(logDir);
      assert.equal((await audited.execute({ runtime: "bash", code })).stdout, "ran");
    });
    assert.equal((await readLog(logDir)).length, 1);
  });
});

test("audit is off by default", async () => {
  await withFolder(async (folder) => {
    const program = `const engine = new DockerIsol8();
await engine.execute({ runtime: "bash", code: "echo x" });
await engine.stop();`;
    assert.equal((await hostProcess(program, { ISOL8_AUDIT_DIR: folder }).ended).code, 0);
    assert.deepEqual(await readdir(folder), []);
  });
});
