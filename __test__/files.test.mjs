// Files of a session: their limit, unusual paths, and links or folders that a program plants there. A file call has
// the rights of the program and sees the same files, never more.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before } from "node:test";
import { outputOf, sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const MIB = 1 << 20;
const engine = sharedEngine({ mode: "persistent" });
const bash = (code, more) => outputOf(engine, { runtime: "bash", code, ...more });
const read = async (path) => (await engine.getFile(path)).toString();

before(() => bash(":"));

/** The code of an error by what its message says. */
const CODES = [
  [/No such file/, "ISOL8_FILE_NOT_FOUND"],
  [/Read-only|denied/i, "ISOL8_FILE_DENIED"],
  [/directory|symbolic links|not a regular file|named pipe/i, "ISOL8_NOT_A_FILE"],
  [/No space left/, "ISOL8_NO_SPACE"],
];

/** Checks that an error has a message that matches, and the code of what the message says. */
const refusal = (message) => (error) => {
  assert.match(error.message, message);
  const code = CODES.find(([text]) => text.test(error.message))?.[1] ?? "ISOL8_FILE";
  assert.equal(error.code, code, error.message);
  return true;
};

/** Asserts that a read is refused with the documented message and this reason. */
const cannotRead = (path, reason) =>
  refusal(
    new RegExp(
      `^Failed to read file ${RegExp.escape?.(path) ?? path.replace(/[\\$*?.[\]()]/g, "\\$&")} in container: .*${reason.source}.*\\(exit code 1\\)$`,
      "s",
    ),
  );

/** Asserts that a write is refused. */
const cannotWrite = (path, reason) =>
  refusal(
    new RegExp(
      `^Failed to write file ${path} in container \\(exit code 1\\).*${reason.source}`,
      reason.flags,
    ),
  );

test("a program can use a large file", async () => {
  const data = randomBytes(20 * MIB);
  await engine.putFile("/sandbox/20", data);
  assert.equal(await bash("stat -c '%u %g %s' 20 && cp 20 21"), `100 101 ${data.length}`);
  assert.ok((await engine.getFile("/sandbox/21")).equals(data));
  await bash("rm 20 21");
});

test("a file that does not fit is an error, and the old file and the free space stay as before", async () => {
  await withEngine({ mode: "persistent", sandboxSize: "8m" }, async (small) => {
    await small.execute({ runtime: "bash", code: ":" });
    await small.putFile("/sandbox/f", "old");
    const large = small.putFile("/sandbox/f", Buffer.alloc(9 * MIB));
    await assert.rejects(large, cannotWrite("/sandbox/f", /No space left/));
    assert.equal((await small.getFile("/sandbox/f")).toString(), "old");
    await small.putFile("/sandbox/g", Buffer.alloc(7 * MIB));
    assert.equal(await outputOf(small, { runtime: "bash", code: "ls -A" }), "f\ng\nmain.sh");
  });
});

const PATHS = [
  "/sandbox/with space.txt",
  "/sandbox/  spaces around  ",
  "/sandbox/'single' \"double\" `back`",
  "/sandbox/a;touch pwned;.txt",
  "/sandbox/a && touch pwned",
  "/sandbox/a|b>c<d&e",
  "/sandbox/$(touch pwned) ${HOME} $HOME",
  "/sandbox/line\nbreak\r\ttab",
  "/sandbox/-rf",
  "/sandbox/--help",
  "/sandbox/-",
  "/sandbox/~",
  "/sandbox/*?[a-z]{x,y}\\",
  "/sandbox/%2e%2e%2f",
  "/sandbox/grüße 日本語 🎈 ə́",
  "/sandbox/e\u0301 and \u00e9",
  "/sandbox/\u202egpj.exe",
  "/sandbox/...",
  "/sandbox/new/deeper/and deeper/;/-x/file",
  "/sandbox/./dots/.././dots/file",
  "/sandbox//double//slash",
  `/sandbox/${"n".repeat(255)}`,
  `/sandbox/${"folder/".repeat(100)}file`,
  "/tmp/elsewhere/file",
];

for (const path of PATHS) {
  const name = JSON.stringify(path.length > 60 ? `${path.slice(0, 60)}…` : path);
  test(`the path ${name} is used as it is`, async () => {
    const data = randomBytes(64);
    await engine.putFile(path, data);
    assert.ok((await engine.getFile(path)).equals(data));
    // The program sees the same bytes under the same name.
    const seen = await bash('od -An -v -tx1 -- "$P" | tr -d " \\n"', { env: { P: path } });
    assert.equal(seen, data.toString("hex"));
    assert.equal(await bash("find / -name pwned 2>/dev/null | wc -l"), "0");
    const { files } = await engine.execute({ runtime: "bash", code: ":", outputPaths: [path] });
    assert.deepEqual(files, { [path]: data.toString("base64") });
  });
}

for (const [path, reason] of [
  ["", /^Isol8Error: Invalid path in (put|get)File: ""\. It must not be empty/],
  ["/sandbox/nul\0.txt", /NUL/],
]) {
  test(`the path ${JSON.stringify(path)} is refused`, async () => {
    await assert.rejects(engine.putFile(path, "x"), reason);
    await assert.rejects(engine.getFile(path), reason);
  });
}

test("reading or writing a folder is an error", async () => {
  await bash("mkdir -p folder");
  for (const path of ["/sandbox/folder", "/sandbox/folder/", "/sandbox/folder/.", "/"]) {
    await assert.rejects(engine.putFile(path, "x"), cannotWrite(path, /director|denied/i), path);
    await assert.rejects(engine.getFile(path), cannotRead(path, /directory/), path);
  }
});

test("a path through a file is an error", async () => {
  await bash("echo x >plain");
  const path = "/sandbox/plain/below";
  await assert.rejects(engine.putFile(path, "x"), cannotWrite(path, /Not a directory|exists/i));
  await assert.rejects(engine.getFile(path), cannotRead(path, /Not a directory/));
});

test("a missing file is an error that names it", async () => {
  await assert.rejects(
    engine.getFile("/sandbox/none"),
    cannotRead("/sandbox/none", /No such file/),
  );
});

for (const path of ["/etc/passwd", "/etc/new", "/usr/bin/env", "/x", "/proc/sys/kernel/hostname"]) {
  test(`${path} cannot be written`, async () => {
    await assert.rejects(
      engine.putFile(path, "x"),
      cannotWrite(path, /Read-only|denied|No such file/),
    );
  });
}

/** Links to files that the guest, as root, could read, and the program may not. */
const FORBIDDEN = [
  "/proc/1/environ",
  "/proc/1/mem",
  "/proc/1/maps",
  "/proc/1/root/etc/passwd",
  "/proc/1/fd/0",
  "/proc/self/mem",
  "/proc/self/environ",
  "/proc/self/fd/0",
  "/etc/shadow",
  "/dev/mem",
  "/dev/tty",
];

for (const target of FORBIDDEN) {
  test(`a planted link to ${target} leads nowhere`, async () => {
    const path = "/sandbox/planted";
    await bash(`ln -sfn ${target} planted`);
    for (const asked of [path, target]) {
      await assert.rejects(
        engine.getFile(asked),
        cannotRead(asked, /denied|not a regular file|No such|Input\/output error/),
      );
    }
    const outputPaths = [path, target];
    const { files } = await engine.execute({ runtime: "bash", code: ":", outputPaths });
    assert.deepEqual(files, {});
  });
}

test("a planted link to /etc/passwd leads to the file of the sandbox", async () => {
  await bash("ln -sfn /etc/passwd planted");
  assert.equal((await read("/sandbox/planted")).trimEnd(), await bash("cat /etc/passwd"));
});

for (const target of ["/etc/passwd", "/etc/missing", "/proc/1/environ", "victim", "planted"]) {
  test(`writing where a link to ${target} was planted replaces the link`, async () => {
    await bash(`echo untouched >victim; ln -sfn ${target} planted`);
    await engine.putFile("/sandbox/planted", "mine");
    assert.equal(
      await bash("stat -c %F planted; cat planted; echo; cat victim"),
      "regular file\nmine\nuntouched",
    );
    await bash("rm planted");
  });
}

test("a folder that is a link does not lead out of the sandbox", async () => {
  await bash("ln -sfn /etc out; ln -sfn /proc/1 one; ln -sfn / root");
  for (const path of ["/sandbox/out/passwd", "/sandbox/root/etc/x", "/sandbox/one/comm"]) {
    await assert.rejects(engine.putFile(path, "x"), cannotWrite(path, /Read-only|denied|No such/));
  }
  for (const path of ["/sandbox/one/environ", "/sandbox/root/etc/shadow"]) {
    await assert.rejects(engine.getFile(path), cannotRead(path, /denied/));
  }
});

test("circular and broken links are errors", async () => {
  await bash("ln -sfn ring-a ring-b; ln -sfn ring-b ring-a; ln -sfn missing dangling");
  await assert.rejects(
    engine.getFile("/sandbox/ring-a"),
    cannotRead("/sandbox/ring-a", /symbolic links/),
  );
  await assert.rejects(
    engine.getFile("/sandbox/dangling"),
    cannotRead("/sandbox/dangling", /No such file/),
  );
  const outputPaths = ["/sandbox/dangling", "/sandbox/missing"];
  const { files } = await engine.execute({ runtime: "bash", code: ":", outputPaths });
  assert.deepEqual(files, {});
});

test("an unreadable output file is left out, and the execution still has its result", async () => {
  const { files, exitCode } = await engine.execute({
    runtime: "bash",
    code: 'ln -sfn ring-a ring-b; ln -sfn ring-b ring-a; ln -s "$(printf %0300d)" long; echo y >good',
    outputPaths: [
      "/sandbox/ring-a",
      "/sandbox/good/below",
      "/sandbox/long",
      `/sandbox/${"n".repeat(256)}`,
      "/sandbox/good",
    ],
  });
  assert.deepEqual([exitCode, files], [0, { "/sandbox/good": "eQo=" }]);
});

test("pipes, sockets and devices are errors and do not block", async () => {
  await bash(
    "mkfifo pipe; ln -sfn /dev/zero zero; ln -sfn /dev/null null; ln -sfn /dev/stdin stdin",
  );
  for (const name of ["pipe", "zero", "null", "stdin"]) {
    const path = `/sandbox/${name}`;
    await assert.rejects(engine.getFile(path), cannotRead(path, /not a regular|No such|denied/));
  }
  await assert.rejects(
    engine.putFile("/sandbox/pipe", "x"),
    cannotWrite("/sandbox/pipe", /named pipe/),
  );
  const outputPaths = ["pipe", "zero", "null", "stdin"].map((name) => `/sandbox/${name}`);
  const { files } = await engine.execute({ runtime: "bash", code: ":", outputPaths });
  assert.deepEqual(files, {});
});

test("a program that swaps file and link during the call gains no access", async () => {
  const swap = `
(while :; do ln -sfn /etc/shadow swapped; ln -sfn /proc/1/environ swapped; rm -f swapped; echo own >swapped; done) &
sleep 0.1`;
  await withEngine({ mode: "persistent" }, async (swapping) => {
    let ended = false;
    await swapping.execute({ runtime: "bash", code: "echo own >swapped" });
    const running = swapping
      .execute({ runtime: "bash", code: `${swap}; sleep 2`, outputPaths: ["/sandbox/swapped"] })
      .finally(() => {
        ended = true;
      });
    while (!ended) {
      const content = await swapping.getFile("/sandbox/swapped").then(String, ({ code }) => code);
      const expected = ["own\n", "", "ISOL8_FILE_DENIED", "ISOL8_FILE_NOT_FOUND"];
      assert.ok(expected.includes(content), JSON.stringify(content));
    }
    const { files = {} } = await running;
    for (const content of Object.values(files)) {
      assert.ok(["own\n", ""].includes(Buffer.from(content, "base64").toString()), content);
    }
  });
});
