// The static cleanup functions, against a fake daemon: others may use the real one at the same time.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readlinkSync } from "node:fs";
import { DockerIsol8 } from "../index.js";
import { withFakeDocker } from "./helpers/fake-docker.mjs";
import { test, until, withEngine } from "./helpers/harness.mjs";

const container = (id, state, more) => ({
  Id: id,
  Names: [`/${id}`],
  Image: "isol8:python",
  ImageID: "sha256:0",
  Command: "/.isol8/guest",
  Created: 1_700_000_000,
  State: state,
  Status: state,
  Labels: { "isol8.managed": "true", "isol8.runtime": "python" },
  ...more,
});

const image = (id, tags, labels = {}) => ({
  Id: `sha256:${id}`,
  ParentId: "",
  RepoTags: tags,
  RepoDigests: [],
  Created: 1_700_000_000,
  Size: 1,
  SharedSize: -1,
  Containers: -1,
  Labels: labels,
});

function unexpected(method, path) {
  throw new Error(`unexpected call: ${method} ${path}`);
}

test("cleanup removes the containers with our label and reports those it could not remove", async () => {
  const answer = (method, path, query) => {
    if (method === "GET" && path === "/containers/json") {
      // Docker applies the filter. So the test checks the filter that was sent.
      assert.deepEqual(JSON.parse(query.get("filters")).label, ["isol8.managed=true"]);
      assert.equal(query.get("all"), "true");
      return [
        200,
        [container("aaa", "exited"), container("bbb", "exited"), container("ccc", "exited")],
      ];
    }
    if (method === "DELETE" && path.startsWith("/containers/")) {
      assert.equal(query.get("force"), "true");
      if (path.endsWith("/bbb")) return [500, { message: "device is busy" }];
      return [204];
    }
    return unexpected(method, path);
  };
  await withFakeDocker(answer, async (docker, calls) => {
    const report = await DockerIsol8.cleanup(docker);
    assert.equal(report.removed, 2);
    assert.equal(report.failed, 1);
    assert.equal(report.errors.length, 1);
    assert.match(report.errors[0], /bbb.*device is busy/);
    assert.deepEqual(
      calls.filter((call) => call.startsWith("DELETE")).sort(),
      ["aaa", "bbb", "ccc"].map((id) => `DELETE /containers/${id}`),
    );
  });
});

test("cleanup leaves the sandboxes of living processes alone", async () => {
  const now = Math.floor(Date.now() / 1000);
  const labels = { "isol8.managed": "true", "isol8.runtime": "bash" };
  const containers = [
    container("in-use", "running"),
    container("about-to-start", "created", { Created: now }),
    container("never-started", "created", { Created: now - 3600 }),
    container("kept", "running", { Labels: { ...labels, "isol8.persist": "true" } }),
    container("dead", "dead"),
  ];
  const answer = (method, path) => {
    if (method === "GET" && path === "/containers/json") return [200, containers];
    if (method === "DELETE") return [204];
    return unexpected(method, path);
  };
  await withFakeDocker(answer, async (docker, calls) => {
    const report = await DockerIsol8.cleanup(docker);
    assert.deepEqual(report, { removed: 3, failed: 0, errors: [] });
    const removed = calls.filter((call) => call.startsWith("DELETE")).sort();
    assert.deepEqual(removed, [
      "DELETE /containers/dead",
      "DELETE /containers/kept",
      "DELETE /containers/never-started",
    ]);
  });
});

test("cleanup removes a persisted container only when its process has ended", async () => {
  const [boot, namespace] = [
    readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    readlinkSync("/proc/self/ns/pid"),
  ];
  const started = (pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  };
  const other = spawn("sleep", ["600"]);
  const [living, own] = [other.pid, process.pid].map((pid) => [pid, started(pid)]);
  const ended = await (async () => {
    const child = spawn("sleep", ["600"]);
    const is = [child.pid, started(child.pid)];
    child.kill("SIGKILL");
    await once(child, "exit");
    return is;
  })();
  const persisted = (id, owner, state = "running") =>
    container(id, state, {
      Labels: {
        "isol8.managed": "true",
        "isol8.runtime": "bash",
        "isol8.persist": "true",
        ...(owner && { "isol8.owner": owner.join("/") }),
      },
    });
  const containers = [
    persisted("of-a-living-process", [boot, namespace, ...living]),
    persisted("of-another-machine", ["another-boot", namespace, ...ended]),
    persisted("of-another-container", [boot, "pid:[1]", ...ended]),
    persisted("1-of-an-ended-process", [boot, namespace, ...ended]),
    persisted("2-let-go-by-this-process", [boot, namespace, ...own]),
    persisted("3-of-nobody", undefined),
    persisted("4-ended", [boot, namespace, ...living], "exited"),
  ];
  const answer = (method, path) => {
    if (method === "GET" && path === "/containers/json") return [200, containers];
    if (method === "DELETE") return [204];
    return unexpected(method, path);
  };
  try {
    await withFakeDocker(answer, async (docker, calls) => {
      const report = await DockerIsol8.cleanup(docker);
      const removed = calls.filter((call) => call.startsWith("DELETE")).sort();
      assert.deepEqual(
        removed.map((call) => call.slice("DELETE /containers/".length)),
        ["1-of-an-ended-process", "2-let-go-by-this-process", "3-of-nobody", "4-ended"],
      );
      assert.deepEqual(report, { removed: 4, failed: 0, errors: [] });
    });
  } finally {
    other.kill("SIGKILL");
  }
});

test("cleanup without containers reports zero", async () => {
  const answer = (method, path) =>
    method === "GET" && path === "/containers/json" ? [200, []] : unexpected(method, path);
  await withFakeDocker(answer, async (docker) => {
    assert.deepEqual(await DockerIsol8.cleanup(docker), { removed: 0, failed: 0, errors: [] });
  });
});

test("a container that disappears before its removal does not count as failed", async () => {
  const answer = (method, path) => {
    if (method === "GET") return [200, [container("aaa", "exited")]];
    if (method === "DELETE") return [404, { message: "No such container: aaa" }];
    return unexpected(method, path);
  };
  await withFakeDocker(answer, async (docker) => {
    const { failed, errors } = await DockerIsol8.cleanup(docker);
    assert.deepEqual([failed, errors], [0, []]);
  });
});

test("cleanupImages removes our images by name and leaves all others", async () => {
  const images = [
    image("1", ["isol8:python"], { "org.isol8.runtime": "python" }),
    image("2", ["isol8:python-custom-0123456789ab", "team/analysis:1"], {
      "org.isol8.runtime": "python",
      "org.isol8.deps.hash": "0123456789ab",
    }),
    image("3", ["debian:bookworm-slim"]),
    image("4", ["someone/isol8:python", "isol8-test/busybox:latest"]),
    image("5", [], { "org.isol8.runtime": "node" }),
    image("6", []),
    image("7", ["team/built-on-ours:1"], { "org.isol8.runtime": "python" }),
  ];
  const answer = (method, path) => {
    if (method === "GET" && path === "/images/json") return [200, images];
    if (method === "DELETE" && path === "/images/sha256:5") {
      return [409, { message: "image is being used by running container" }];
    }
    if (method === "DELETE" && path.startsWith("/images/")) return [200, [{ Untagged: path }]];
    return unexpected(method, path);
  };
  await withFakeDocker(answer, async (docker, calls) => {
    const report = await DockerIsol8.cleanupImages(docker);
    const removed = calls.filter((call) => call.startsWith("DELETE")).sort();
    assert.deepEqual(removed, [
      "DELETE /images/isol8:python",
      "DELETE /images/isol8:python-custom-0123456789ab",
      "DELETE /images/sha256:5",
      "DELETE /images/team/analysis:1",
    ]);
    assert.equal(report.removed, 3);
    assert.equal(report.failed, 1);
    assert.match(report.errors[0], /sha256:5.*being used/);
  });
});

test("the address of a dockerode instance is used", async () => {
  const answer = (method, path) =>
    method === "GET" && path === "/containers/json" ? [200, []] : unexpected(method, path);
  await withFakeDocker(answer, async ({ socketPath }, calls) => {
    await DockerIsol8.cleanup({ modem: { socketPath, host: "localhost", port: 2375 } });
    assert.deepEqual(calls, ["GET /containers/json"]);
  });
});

/** An image, as the fake daemon describes it. */
const IMAGE = { Id: `sha256:${"0".repeat(64)}`, Config: {} };

test("options.docker may be a dockerode instance: the engine uses its daemon", async () => {
  const answer = (method, path) => {
    if (path === "/containers/create") return [500, { message: "reached" }];
    if (path === "/images/isol8:bash/json") return [200, IMAGE];
    return method === "GET" ? [200, []] : unexpected(method, path);
  };
  await withFakeDocker(answer, async ({ socketPath }, calls) => {
    // Fields that docker-modem has beside the address.
    const modem = {
      socketPath,
      protocol: "http",
      headers: {},
      version: undefined,
      timeout: undefined,
    };
    const engine = new DockerIsol8({ docker: { modem, Promise } });
    await assert.rejects(engine.execute({ runtime: "bash", code: "x" }), /reached/);
    await engine.stop();
    assert.ok(calls.includes("POST /containers/create"), calls.join());
  });
});

test("the first start removes containers that killed processes created and never started", async () => {
  const now = Math.floor(Date.now() / 1000);
  const containers = [
    container("never-started", "created", { Created: now - 3600 }),
    container("about-to-start", "created", { Created: now }),
    container("in-use", "running"),
    container("ended", "exited"),
  ];
  const answer = (method, path) => {
    if (method === "GET" && path === "/containers/json") return [200, containers];
    if (method === "DELETE" && path === "/containers/never-started") return [204];
    if (path === "/images/isol8-test/none:1/json") return [200, IMAGE];
    if (path === "/containers/create") return [404, { message: `No such image: ${IMAGE.Id}` }];
    return unexpected(method, path);
  };
  await withFakeDocker(answer, async (docker, calls) => {
    await withEngine({ docker, image: "isol8-test/none:1" }, async (engine) => {
      for (let round = 0; round < 2; round += 1) {
        await assert.rejects(engine.execute({ runtime: "bash", code: ":" }), {
          code: "ISOL8_IMAGE_MISSING",
        });
      }
      const removed = () => calls.includes("DELETE /containers/never-started");
      await until(removed, "the container is removed");
      assert.equal(calls.filter((call) => call === "GET /containers/json").length, 1);
    });
  });
});
