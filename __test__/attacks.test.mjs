// Every kind of attack in every kind of sandbox: both pool strategies, ephemeral and persistent engines, images with and
// without volumes. Each attack ends as documented. The next program finds nothing of it, and a session lives on.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { docker } from "./helpers/docker.mjs";
import { outputOf, sharedEngine, test } from "./helpers/harness.mjs";
import { assertClean } from "./helpers/probe.mjs";

const SECRET = "a-secret-of-the-attack-tests";
const WITH_VOLUMES = `isol8-test:attacks-${process.pid}`;

/** Volumes with files of several owners, one inside another and one inside a writable place. */
const DOCKERFILE = `FROM isol8:python
RUN mkdir -p /data/inner/deep /sandbox/cache && echo image | tee /data/file /data/inner/deep/file /sandbox/cache/file \\
    && chown -R 100:101 /data /sandbox/cache && chmod 777 /data/inner
VOLUME /data /data/inner/deep /sandbox/cache
`;

/** Lists the volumes with owners, modes and contents. */
const LIST_VOLUMES =
  "for f in $(find /data /sandbox/cache | sort); do stat -c '%n %u %g %a' $f; [ -f $f ] && cat $f; done";

const LISTED_VOLUMES = `/data 100 101 755
/data/file 100 101 644
image
/data/inner 100 101 777
/data/inner/deep 100 101 755
/data/inner/deep/file 100 101 644
image
/sandbox/cache 100 101 755
/sandbox/cache/file 100 101 644
image`;

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), "isol8-attacks-"));
  try {
    writeFileSync(join(folder, "Dockerfile"), DOCKERFILE);
    await docker("build", "--quiet", "--network=none", "--tag", WITH_VOLUMES, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
after(() => docker("rmi", "--force", WITH_VOLUMES).catch(() => {}));

const python = (code, more) => ({ request: { runtime: "python", code, ...more } });
const shell = (cmd, more) => ({ request: { runtime: "python", cmd, ...more } });

/**
 * The attacks by their kind. `stdout` is the whole output. `exit` has the exit codes that are documented, `code` the
 * error of a request that is refused. `check` looks at the rest of the result.
 */
const ATTACKS = {
  "a request that names an image": {
    ...python("print(open('/proc/self/comm').read().strip())", {
      adapter: { image: "isol8:bash", command: ["/bin/bash", "-c", "echo evil"] },
      image: "isol8:bash",
    }),
    check: ({ stdout }) => assert.match(stdout, /^python/),
  },
  "a program from an address of the host": {
    request: {
      runtime: "python",
      codeUrl: "http://127.0.0.1:1/x.py",
      allowInsecureCodeUrl: true,
    },
    code: "ISOL8_REMOTE_CODE",
  },
  "more files than there is time for": {
    ...python("pass", {
      timeoutMs: 1,
      files: Object.fromEntries(
        Array.from({ length: 20_000 }, (_, n) => [`/sandbox/d${n % 50}/${n}`, "x"]),
      ),
    }),
    code: "ISOL8_FILES_TIMEOUT",
  },
  "files everywhere": {
    ...shell(`for d in /sandbox /tmp /dev/shm /data /data/inner /data/inner/deep /sandbox/cache; do
      [ -d $d ] || continue
      echo evil >$d/left; echo evil >$d/file; mkdir -p $d/a/b; ln -s /etc/passwd $d/link; chmod 0 $d/a; done
      mv /data/inner/deep /data/inner/moved 2>/dev/null; mv /data/inner /data/moved 2>/dev/null
      rm -rf /data/inner 2>/dev/null; chmod 0 /data /sandbox/cache 2>/dev/null; exit 0`),
    exit: [0],
  },
  "processes that stay": {
    ...shell("for n in 1 2 3; do setsid sleep 600 >/dev/null 2>&1 & done; exit 0"),
    exit: [0],
  },
  "a program that ignores its time limit": {
    ...python(
      `import os, signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
if os.fork() == 0: os.setsid()
while True: time.sleep(600)`,
      { timeoutMs: 700 },
    ),
    exit: [137],
    check: ({ termination }) => assert.equal(termination, "timeout"),
  },
  "ending every process": {
    ...shell("kill -9 1; kill -STOP 1; kill -9 -1; exit 7"),
    exit: [7],
  },
  "executing files of places that run nothing": {
    ...shell(`for d in /tmp /dev/shm /data /sandbox/cache; do
      [ -d $d ] && cp /bin/true $d/run && $d/run 2>/dev/null && echo ran $d; done; exit 0`),
    stdout: "",
  },
  "filling a volume": {
    ...shell(`for d in /data /sandbox/cache; do
      [ ! -d $d ] || ! head -c 64m /dev/zero >$d/big 2>/dev/null || echo too large; rm -f $d/big; done; exit 0`),
    stdout: "",
  },
  "a core dump": {
    ...python(`import os, resource, signal
print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)
try: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (OSError, ValueError): pass
print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)
child = os.fork()
if child == 0: os.kill(os.getpid(), signal.SIGSEGV)
print(os.WCOREDUMP(os.waitpid(child, 0)[1]))`),
    stdout: "(1, 1)\n(1, 1)\nFalse",
  },
  "reaching the host and others": {
    ...python(`import http.client, socket
for url in ("http://evil.test/", "http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://127.0.0.1:1/"):
    proxy = http.client.HTTPConnection("127.0.0.1", 8118, timeout=30)
    proxy.request("GET", url)
    print(proxy.getresponse().status)
try: socket.create_connection(("169.254.169.254", 80), timeout=5)
except OSError: print("no way")`),
    stdout: "403\n403\n403\n403\nno way",
    check: ({ networkLogs }) => {
      assert.equal(networkLogs.length, 4);
      for (const { action } of networkLogs) assert.equal(action, "BLOCK");
    },
  },
  "a secret in other forms": {
    ...python(`import base64, json, os, sys, urllib.parse
secret = os.environ["TOKEN"]
for text in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode(), json.dumps(secret)):
    print(text)
sys.stderr.write(secret[:9]); sys.stderr.flush(); sys.stderr.write(secret[9:])`),
    check: ({ stdout, stderr }) => {
      const encoded = Buffer.from(SECRET);
      for (const form of [SECRET, encoded.toString("hex"), encoded.toString("base64")]) {
        assert.ok(!`${stdout}${stderr}`.includes(form), form);
      }
      assert.match(stdout, /\*\*\*/);
      assert.equal(stderr, "***");
    },
  },
  "sockets without end": {
    ...python(`import socket, time
kept = []
try:
    while True: kept.append(socket.socket())
except OSError: pass
time.sleep(600)`),
    exit: [137],
    check: ({ signal }) => assert.equal(signal, "SIGKILL"),
  },
  // The last one: a session stays full of files.
  "filling memory with files": {
    ...shell(
      `for d in /dev/shm /tmp /sandbox; do head -c 400m /dev/zero >$d/full 2>/dev/null; done; exit 0`,
    ),
    exit: [137],
    check: ({ termination }) => assert.equal(termination, "oom"),
  },
};

const IMAGES = [
  ["without volumes", "isol8:python"],
  ["with volumes", WITH_VOLUMES],
];

for (const poolStrategy of ["fast", "secure"]) {
  for (const mode of ["ephemeral", "persistent"]) {
    const engines = IMAGES.map(([what, image]) => {
      const engine = sharedEngine({
        poolStrategy,
        poolSize: { clean: 0, dirty: 1 },
        mode,
        image,
        memoryLimit: "160m",
        volumeSize: "8m",
        network: "filtered",
        networkFilter: { whitelist: ["^allowed\\.test$"] },
        logNetwork: true,
        secrets: { TOKEN: SECRET },
        remoteCode: { enabled: true, allowedSchemes: ["http", "https"], blockedHosts: [] },
      });
      return { engine, what, image };
    });
    // Both images at once, because many attacks wait for a limit.
    test(`every attack in a ${mode} engine with the strategy ${poolStrategy}, each image`, async () => {
      const attacked = engines.map(async ({ engine, what, image }) => {
        for (const [name, attack] of Object.entries(ATTACKS)) {
          const kind = `${name}, ${what}`;
          await assertHolds(engine, kind, attack);
          await assertNextIsUnharmed(engine, { kind, mode, image });
        }
      });
      const failed = (await Promise.allSettled(attacked)).filter(
        ({ status }) => status === "rejected",
      );
      for (const { reason } of failed) throw reason;
    });
  }
}

/** Asserts that an attack ends as documented. */
async function assertHolds(engine, kind, { request, code, exit = [0], stdout, check }) {
  if (code !== undefined) return await assert.rejects(engine.execute(request), { code }, kind);
  const result = await engine.execute(request);
  const shown = `${kind}: ${JSON.stringify(result)}`;
  assert.ok(exit.includes(result.exitCode), shown);
  if (stdout !== undefined) assert.equal(result.stdout, stdout, shown);
  check?.(result);
}

/** Asserts that the next program finds a clean sandbox, or its session with the same walls. */
async function assertNextIsUnharmed(engine, { kind, mode, image }) {
  if (mode === "ephemeral" && image !== WITH_VOLUMES) return await assertClean(engine);
  if (mode === "ephemeral") {
    const listed = await outputOf(engine, { runtime: "python", cmd: LIST_VOLUMES });
    assert.equal(listed, LISTED_VOLUMES, kind);
    return undefined;
  }
  // Files and processes of a session stay. It can be tidied up.
  const cmd = `chmod -R u+rwx /sandbox /data 2>/dev/null; rm -rf /dev/shm/* /tmp/* /sandbox/* /data/* 2>/dev/null
    pkill -9 sleep; id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; ls -A /sys/class/net`;
  const walls = "100\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nlo";
  assert.equal(await outputOf(engine, { runtime: "python", cmd }), walls, kind);
}
