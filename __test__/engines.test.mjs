// Podman, gVisor and crun, started by these tests beside the machine's Docker daemon. `npm run test:long` runs all
// languages, and this file alone those of one image.

import assert from "node:assert/strict";
import { release } from "node:os";
import { after, before, describe } from "node:test";
import { hostProcess } from "./helpers/child.mjs";
import { PROGRAMS } from "./helpers/engine-programs.mjs";
import {
  cgroupsAreHybrid,
  copyImages,
  missing,
  otherRuntimes,
  startDocker,
  startPodman,
} from "./helpers/engines.mjs";
import { LANGUAGES, outputOf, test, until, withEngine } from "./helpers/harness.mjs";

const RUNTIMES = process.env.ISOL8_TEST_LONG ? LANGUAGES : ["python", "bash"];

/** Bash runs in the image of Python, too. */
const IMAGES = process.env.ISOL8_TEST_LONG
  ? LANGUAGES.map((name) => `isol8:${name}`)
  : ["isol8:python"];

/** Options for a runtime. The short tests have one image. */
const imageOf = () => (process.env.ISOL8_TEST_LONG ? {} : { image: "isol8:python" });

/** The rights of a program, and where it can write. */
const CONFINEMENT = `
awk '/^(CapEff|CapBnd|NoNewPrivs|Seccomp):/ { print $1, $2 }' /proc/self/status
id -u; id -g
for place in / /etc /usr/bin /run /var/tmp /.isol8 /dev /sandbox /tmp; do touch $place/x 2>/dev/null && echo "writes $place"; done
sed -n 's/^ *\\([^ :]*\\):.*/\\1/p' /proc/net/dev | sort -u
`;

/** What must hold on every engine. `more` are the options that choose it, once it has been started. */
function holds(started, more) {
  const options = (extra) => ({
    timeoutMs: 60_000,
    ...imageOf(),
    ...more,
    ...started().options,
    ...extra,
  });

  for (const runtime of RUNTIMES) {
    const { print, copy, set, get, fetch } = PROGRAMS[runtime];

    test(`${runtime} runs, and a sandbox is used again when it is empty`, async () => {
      await withEngine(options(), async (engine) => {
        const cmd =
          "for place in /sandbox /tmp; do [ ! -e $place/x ] || echo left; done; touch /sandbox/x /tmp/x; sleep 600 & echo done";
        const used = new Set();
        await until(async () => {
          assert.equal(await outputOf(engine, { runtime, code: print }), runtime);
          const result = await engine.execute({ runtime, cmd });
          assert.equal(result.stdout, "done", result.stderr);
          const again = used.has(result.containerId);
          used.add(result.containerId);
          return again;
        }, "a sandbox is used again");
      });
    });

    test(`${runtime}: files go in and out`, async () => {
      await withEngine(options(), async (engine) => {
        const result = await engine.execute({
          runtime,
          code: copy,
          stdin: "b",
          files: { "/sandbox/in": "a" },
          outputPaths: ["/sandbox/made/out"],
        });
        assert.equal(result.exitCode, 0, result.stderr);
        assert.equal(Buffer.from(result.files["/sandbox/made/out"], "base64").toString(), "ab");
      });
    });

    test(`${runtime}: a session keeps its variables and files`, async () => {
      await withEngine(options({ mode: "persistent" }), async (engine) => {
        assert.equal(await outputOf(engine, { runtime, code: set }), "");
        await engine.putFile("/sandbox/f", "content");
        assert.equal(await outputOf(engine, { runtime, code: get }), "42 content");
        assert.equal((await engine.getFile("/sandbox/f")).toString(), "content");
      });
    });

    test(`${runtime}: the filtered network is the only one`, async () => {
      const networkFilter = { whitelist: ["^allowed\\.invalid$"], blacklist: [] };
      const filtered = options({ network: "filtered", networkFilter, logNetwork: true });
      await withEngine(filtered, async (engine) => {
        const result = await engine.execute({ runtime, code: fetch });
        assert.deepEqual(result.stdout.split("\n"), ["403", "502"], result.stderr);
        const asked = result.networkLogs.map(({ action, host }) => `${action} ${host}`);
        assert.deepEqual(asked, ["BLOCK blocked.invalid", "ALLOW allowed.invalid"]);
        const cmd = "curl -s --noproxy '*' --max-time 5 http://93.184.215.14/ || echo none";
        assert.equal(await outputOf(engine, { runtime, cmd }), "none");
      });
    });
  }

  test("a program that takes too long ends, and the next one runs", async () => {
    await withEngine(options(), async (engine) => {
      const late = await engine.execute({ runtime: "bash", cmd: "sleep 600", timeoutMs: 1000 });
      assert.equal(late.exitCode, 137);
      assert.equal(await outputOf(engine, { runtime: "bash", cmd: "echo next" }), "next");
    });
  });

  test("kill -9 of the host ends the sandboxes of all languages, warm and running", async () => {
    // A host that is killed while it makes a container leaves it, not started, to the next host. So all are made first.
    const pool = { poolSize: { clean: 1, dirty: 0 } };
    const programs = RUNTIMES.map((runtime) => ({ runtime, code: PROGRAMS[runtime].stay }));
    const { child, line, ended } = hostProcess(`
const engine = new DockerIsol8(${JSON.stringify(options(pool))});
for (const request of ${JSON.stringify(programs)}) {
  engine.execute(request, { onStdout: (data) => data.includes("running") && console.log("running") });
}`);
    const { client } = started();
    try {
      for (const _ of programs) assert.equal(await line(), "running");
      await until(
        async () => (await client("ps", "-q")).split("\n").length === 2 * programs.length,
        "a running and a warm sandbox for each language",
      );
    } finally {
      child.kill("SIGKILL");
    }
    await ended;
    await until(async () => (await client("ps", "-aq")) === "", "no container is left");
  });

  return options;
}

describe("Podman", { skip: missing("podman", "runc", "docker") }, () => {
  let podman;
  before(async () => {
    podman = await startPodman("runc");
    await copyImages(podman, IMAGES);
  });
  after(() => podman?.end());

  const options = holds(() => podman, {});

  test("a program has the rights that it has with Docker", async () => {
    const request = { runtime: "bash", cmd: CONFINEMENT };
    const here = await withEngine(imageOf(), (engine) => outputOf(engine, request));
    assert.equal(await withEngine(options(), (engine) => outputOf(engine, request)), here);
  });

  test("another OCI runtime is refused, because Podman would not use it", async () => {
    await withEngine(options({ security: { runtime: "runsc" } }), async (engine) => {
      await assert.rejects(engine.execute({ runtime: "bash", code: "true" }), {
        code: "ISOL8_OCI_RUNTIME",
        message: /podman --runtime runsc system service/,
      });
    });
  });
});

describe("Podman with crun", {
  skip: missing("podman", "crun", "docker") || (!cgroupsAreHybrid && "crun works on this machine"),
}, () => {
  let podman;
  before(async () => {
    podman = await startPodman("crun");
    await copyImages(podman, ["isol8-test/busybox:latest"]);
  });
  after(() => podman?.end());

  test("control groups that crun does not support are named", async () => {
    const options = { ...podman.options, image: "isol8-test/busybox:latest" };
    await withEngine(options, async (engine) => {
      await assert.rejects(engine.execute({ runtime: "bash", cmd: "true" }), {
        code: "ISOL8_OCI_RUNTIME",
        message: /\(cgroups\).*runc/s,
      });
    });
  });
});

describe("gVisor", { skip: missing("runsc", "dockerd", "docker") }, () => {
  let docker;
  before(async () => {
    docker = await startDocker(otherRuntimes());
    await copyImages(docker, IMAGES);
  });
  after(() => docker?.end());

  const options = holds(() => docker, { security: { runtime: "runsc" } });

  test("a program talks to another kernel, as the user of programs", async () => {
    await withEngine(options(), async (engine) => {
      const cmd = "id -u; touch /etc/x /usr/x 2>&1 | wc -l; uname -r";
      const lines = (await outputOf(engine, { runtime: "bash", cmd })).split("\n");
      assert.deepEqual(lines.slice(0, 2), ["100", "2"]);
      assert.notEqual(lines[2], release());
    });
  });

  test("many processes do not take the threads of gVisor's kernel", async () => {
    await withEngine(options(), async (engine) => {
      const cmd = "for i in $(seq 20); do sleep 60 & done; jobs -p | wc -l; kill $(jobs -p)";
      assert.equal(await outputOf(engine, { runtime: "bash", cmd }), "20");
    });
  });

  test("sandboxes with host sockets open work one after the other", async () => {
    const used = new Set();
    for (let call = 0; call < 3; call += 1) {
      const sockets = options({ security: { runtime: "with-sockets" } });
      const result = await withEngine(sockets, (engine) =>
        engine.execute({ runtime: "python", code: "print(1)" }),
      );
      assert.equal(result.stdout, "1", result.stderr);
      used.add(result.containerId);
    }
    assert.equal(used.size, 3);
  });

  test("a runtime that fails says what to do", async () => {
    for (const [runtime, message] of [
      ["with-network", /--network=none/],
      ["crun", cgroupsAreHybrid ? /\(cgroups\)/ : /crun/],
    ]) {
      await withEngine(options({ security: { runtime } }), async (engine) => {
        const outcome = await engine
          .execute({ runtime: "bash", cmd: "echo ran" })
          .catch((error) => error);
        if (outcome.stdout === "ran") return; // It works on this machine.
        assert.match(outcome.message, message);
        assert.equal(outcome.code, "ISOL8_OCI_RUNTIME");
      });
    }
  });
});
