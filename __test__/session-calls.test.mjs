// The calls of a session: their order, their files, and the life of their sandbox.

import assert from "node:assert/strict";
import { inspect } from "./helpers/docker.mjs";
import { eventsOf, outputOf, test, textOf, until, withEngine } from "./helpers/harness.mjs";
import { withSession } from "./helpers/sessions.mjs";

const NO_CONTAINER = { message: "No active container. Call execute() first in persistent mode." };

test("simultaneous calls each run their own program, collected and streamed", async () => {
  await withSession("python", async ({ engine, run, says }) => {
    const first = run("import time; time.sleep(0.2); log = ['first']; print('first')");
    const streamed = eventsOf(engine, { runtime: "python", code: "log.append('s'); print('s')" });
    const last = says("print(log)");
    assert.equal((await first).stdout, "first");
    assert.equal(textOf(await streamed, "stdout"), "s\n");
    assert.equal(await last, "['first', 's']");
  });
});

test("files are written and read while a program runs, in the order of their calls", async () => {
  await withSession("python", async ({ engine, run }) => {
    await run("x = 1");
    const wait = "import os, time\nwhile not os.path.exists('/sandbox/go'): time.sleep(0.01)\n";
    const waiting = run(
      `open('/sandbox/f', 'w').write('program')\n${wait}print(open('/sandbox/f').read())`,
    );
    await until(async () => {
      const read = await engine.getFile("/sandbox/f").catch(() => "");
      return String(read) === "program";
    }, "the program's file");
    const put = engine.putFile("/sandbox/f", "caller");
    const got = engine.getFile("/sandbox/f");
    await put;
    assert.equal(String(await got), "caller");
    await engine.putFile("/sandbox/go", "");
    assert.equal((await waiting).stdout, "caller");
  });
});

test("a program that swaps the files of later calls gains no access and holds nobody up", async () => {
  const swap = `
import itertools, os
def remove(name):
    try: os.rmdir(name) if os.path.isdir(name) and not os.path.islink(name) else os.remove(name)
    except OSError: pass
def fill(name):
    with open(name, "r+b") as file: file.write(bytes(1 << 20))
plants = [lambda name: os.symlink("/proc/1/mem", name), lambda name: os.symlink("/etc/passwd", name), os.mkfifo,
          os.mkdir, fill]
for plant in itertools.cycle(plants):
    if os.path.exists("/tmp/stop"): break
    for name in ["/sandbox/main.py", "/sandbox/.isol8-1-0"]:
        remove(name)
        try: plant(name)
        except OSError: pass
`;
  await withSession("python", async ({ engine, run }) => {
    const shell = (cmd) => engine.execute({ runtime: "python", cmd });
    const { containerId } = await run("print('begun')");
    await engine.putFile("/tmp/swap.py", swap);
    await shell("python3 /tmp/swap.py >/dev/null 2>&1 &");
    let own = 0;
    for (let call = 0; call < 40; call += 1) {
      const result = await engine
        .execute({ runtime: "python", code: "print('own')", timeoutMs: 200 })
        .catch(({ code }) => ({ stdout: "", code }));
      assert.match(result.code ?? "ISOL8_FILE", /^ISOL8_(NOT_A_)?FILE/);
      assert.notEqual(result.termination, "lost");
      assert.doesNotMatch(result.stdout, /root:/);
      own += result.stdout === "own" ? 1 : 0;
    }
    assert.ok(own > 0, "no call was the first to open its program");
    await shell(
      "touch /tmp/stop; while pgrep -f /tmp/swap.p[y]; do sleep 0.01; done; rm -rf main.py .isol8-*",
    );
    const last = await run("print(open('/etc/passwd').read().count('root:x:0:0'))");
    assert.deepEqual([last.stdout, last.containerId], ["1", containerId]);
  });
});

test("a program finds the files of the calls before it, also when nobody waited for them", async () => {
  await withSession("bash", async ({ engine, says }) => {
    // The first execution makes the sandbox, and the file call goes on as soon as there is one.
    const first = says("until [ -e /sandbox/early ]; do sleep 0.01; done; echo seen");
    const early = engine.putFile("/sandbox/early", "");
    assert.equal(await first, "seen");
    await early;
    const put = engine.putFile("/sandbox/large", Buffer.alloc(8 << 20, 1));
    const size = says("stat -c %s /sandbox/large");
    assert.equal(await size, String(8 << 20));
    await put;
  });
});

for (const prewarm of [{ runtimes: ["bash"] }, { runtimes: ["sh", "bash"] }]) {
  test(`a persistent engine's sandbox is made by start with ${JSON.stringify(prewarm)}`, async () => {
    await withEngine({ mode: "persistent" }, async (engine) => {
      await assert.rejects(engine.putFile("/sandbox/f", "x"), {
        message: "No active container. Call execute() first in persistent mode.",
      });
      await engine.start({ prewarm, strict: true });
      const id = engine.containerId;
      assert.match(id, /^[0-9a-f]{64}$/);
      await engine.putFile("/sandbox/f", "before");
      const { stdout, containerId } = await engine.execute({
        runtime: "bash",
        cmd: "cat /sandbox/f",
      });
      assert.deepEqual([stdout, containerId], ["before", id]);
      await assert.rejects(engine.execute({ runtime: "python", code: "1" }), {
        code: "ISOL8_RUNTIME_SWITCH",
        message: /A command runs in this one: \{ runtime: "bash", cmd: "\.\.\." \}\.$/,
      });
    });
  });
}

test("standard input belongs to one call", async () => {
  await withSession("python", async ({ says }) => {
    const read = "import sys; print(repr(sys.stdin.read()))";
    assert.equal(await says(read, { stdin: "one" }), "'one'");
    assert.equal(await says(read), "''");
    assert.equal(await says(read, { stdin: "three" }), "'three'");
  });
});

test("files and outputPaths work in each call", async () => {
  await withSession("python", async ({ run }) => {
    const result = await run("text = open('/sandbox/a/b').read(); open('c', 'w').write(text * 2)", {
      files: { "/sandbox/a/b": "xy" },
      outputPaths: ["/sandbox/c", "/sandbox/missing"],
    });
    assert.equal(result.exitCode, 0, result.stderr);
    assert.deepEqual(result.files, { "/sandbox/c": Buffer.from("xyxy").toString("base64") });
  });
});

test("a cmd runs beside the interpreter and sees the same files", async () => {
  await withSession("python", async ({ engine, says }) => {
    await says("x = 42; open('f', 'w').write('from python')");
    const cmd = await engine.execute({ runtime: "python", cmd: "cat f; exit 3" });
    assert.deepEqual([cmd.exitCode, cmd.stdout], [3, "from python"]);
    assert.equal(await says("print(x)"), "42");
  });
});

test("each call has the secrets, and its output masks them", async () => {
  const options = { mode: "persistent", secrets: { TOKEN: "hunter2" } };
  await withEngine(options, async (engine) => {
    const says = (code) => outputOf(engine, { runtime: "python", code });
    assert.equal(await says("import os; t = os.environ['TOKEN']; print(t, len(t))"), "*** 7");
    assert.equal(await says("print(t, os.environ['TOKEN'])"), "*** ***");
  });
});

test("a persistent engine accepts one runtime only", async () => {
  await withSession("python", async ({ engine, says }) => {
    await says("x = 42");
    const message =
      'Cannot switch runtime from "python" to "node". Each persistent container supports a single runtime. Create a new Isol8 instance for a different runtime. A command runs in this one: { runtime: "python", cmd: "..." }.';
    const other = { runtime: "node", code: "console.log(1)" };
    await assert.rejects(engine.execute(other), { message });
    await assert.rejects(eventsOf(engine, other), { message });
    assert.equal(await says("print(x)"), "42");
  });
});

test("file calls work after the first call and fail after stop", async () => {
  await withSession("bash", async ({ engine, says }) => {
    await assert.rejects(engine.getFile("/sandbox/f"), NO_CONTAINER);
    await assert.rejects(engine.putFile("/sandbox/f", "x"), NO_CONTAINER);
    assert.equal(engine.containerId, null);
    await says(":");
    await engine.putFile("/sandbox/f", "x");
    assert.equal(await says("cat f"), "x");
    await engine.stop();
    assert.equal(engine.containerId, null);
    await assert.rejects(engine.getFile("/sandbox/f"), NO_CONTAINER);
  });
});

test("containerId names the container of the results, and stop removes it", async () => {
  await withSession("bash", async ({ engine, run }) => {
    const [first, second] = [await run("echo 1"), await run("echo 2")];
    const { containerId } = engine;
    assert.deepEqual([first.containerId, second.containerId], [containerId, containerId]);
    assert.equal((await inspect(containerId)).Config.Labels["isol8.runtime"], "bash");
    await engine.stop();
    await until(async () => (await inspect(containerId)) === null, "no container");
    await engine.stop();
  });
});

test("after stop the next call gets a new, empty sandbox", async () => {
  await withSession("bash", async ({ engine, says }) => {
    await says("x=1; touch f");
    const before = engine.containerId;
    await engine.stop();
    assert.equal(await says('echo "[$x]"; ls -A'), "[]\nmain.sh");
    assert.notEqual(engine.containerId, before);
  });
});

test("simultaneous first calls make one sandbox", async () => {
  await withSession("bash", async ({ engine, run }) => {
    const results = await Promise.all([1, 2, 3, 4].map((n) => run(`echo ${n}`)));
    assert.deepEqual(
      results.map(({ stdout, containerId }) => [stdout, containerId]),
      [1, 2, 3, 4].map((n) => [String(n), engine.containerId]),
    );
  });
});

test("a lost sandbox is an error for its call, and the next call gets a new one", async () => {
  await withSession("bash", async ({ engine, run, says }) => {
    await says("touch f");
    const before = engine.containerId;
    const { docker } = await import("./helpers/docker.mjs");
    const lost = run("echo started >state; sleep 30");
    const refused = assert.rejects(lost, /sandbox/i);
    await until(
      async () =>
        /started/.test(await docker("exec", before, "cat", "/sandbox/state").catch(() => "")),
      "the program runs",
    );
    await docker("kill", before);
    await refused;
    assert.equal(await says("ls -A"), "main.sh");
    assert.notEqual(engine.containerId, before);
  });
});

test("an aborted call ends its program, and the next call runs", async () => {
  await withSession("python", async ({ engine, says }) => {
    await says("open('f', 'w').write('kept')");
    const controller = new AbortController();
    const endless = engine.execute(
      { runtime: "python", code: "import time; time.sleep(60)" },
      { signal: controller.signal },
    );
    setTimeout(() => controller.abort(new Error("enough")), 300);
    await assert.rejects(endless, { message: "enough" });
    assert.equal(await says("print(open('f').read())"), "kept");
  });
});

test("a session can have a writable root and keeps changes to it", async () => {
  const options = { mode: "persistent", readonlyRootFs: false };
  await withEngine(options, async (engine) => {
    await engine.execute({ runtime: "bash", code: "x=1; echo kept >/sandbox/f" });
    assert.equal(
      await outputOf(engine, { runtime: "bash", code: "echo $x; cat /sandbox/f" }),
      "1\nkept",
    );
    const { containerId } = engine;
    assert.equal((await inspect(containerId)).HostConfig.ReadonlyRootfs, false);
  });
});
