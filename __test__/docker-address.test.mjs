// Which Docker daemon is meant: what is not understood is refused by name, and never becomes the local daemon.

import assert from "node:assert/strict";
import { DockerIsol8, imageExists } from "../index.js";
import { test } from "./helpers/harness.mjs";

/** A dockerode instance as its constructor leaves it: the usual socket is a function, until options change it. */
const instance = (settings) => ({
  modem: {
    socketPath: settings.host ? undefined : () => Promise.resolve("/var/run/docker.sock"),
    protocol: "http",
    headers: {},
    sshOptions: { agentForward: undefined },
    pathPrefix: undefined,
    ...settings,
  },
  Promise,
});

const tls = { ca: "a", cert: ["c"], key: Buffer.from("k") };

const refused = [
  [{}, "no address"],
  [{ modem: {} }, "no address"],
  [{ modem: null }, "docker.modem"],
  [{ listContainers: async () => [], ping() {} }, '"listContainers"'],
  [{ socketpath: "/var/run/docker.sock" }, '"socketpath"'],
  [{ host: "h", prot: 2375 }, '"prot"'],
  [{ timeout: 5 }, "no address"],
  [{ socketPath: 5 }, "docker.socketPath"],
  [{ host: ["h"] }, "docker.host"],
  [{ host: "h", port: "x" }, "docker.port: x"],
  [{ port: 2375 }, "docker.port"],
  [{ protocol: "ftp" }, 'docker.protocol: "ftp"'],
  [{ protocol: "ssh" }, "docker.protocol"],
  [{ socketPath: "/s", protocol: "ftp" }, 'docker.protocol: "ftp"'],
  [{ host: "h", protocol: "ftp" }, 'docker.protocol: "ftp"'],
  [{ host: "ftp://h" }, 'docker.host: "ftp://h"'],
  [{ host: "h", ca: "a" }, "docker.cert is missing"],
  [{ host: "h", protocol: "http", ...tls }, "https, not for http"],
  [instance({ protocol: "ftp" }), 'docker.protocol: "ftp"'],
  [instance({ protocol: "ssh" }), "docker.protocol"],
  [instance({ protocol: "https" }), "docker.protocol"],
  [instance({ port: 2375 }), "docker."],
  [instance({ host: "h", pathPrefix: "/docker" }), "docker.pathPrefix"],
  [
    instance({ host: "h", protocol: "ssh", sshOptions: { privateKey: "k" } }),
    "docker.sshOptions.privateKey",
  ],
  [instance({ host: "h", protocol: "ssh", password: "p" }), "docker.password"],
];

test("a docker object without a usable address is refused by name, everywhere", async () => {
  for (const [docker, named] of refused) {
    const isNamed = (error) => {
      assert.equal(error.code, "ISOL8_INVALID_OPTION", error.message);
      assert.ok(error.message.startsWith("Invalid docker"), error.message);
      assert.ok(error.message.includes(named), `${named}: ${error.message}`);
      return true;
    };
    assert.throws(() => new DockerIsol8({ docker }), isNamed);
    await assert.rejects(DockerIsol8.cleanup(docker), isNamed);
    await assert.rejects(DockerIsol8.cleanupImages(docker), isNamed);
    await assert.rejects(imageExists(docker, "isol8:bash"), isNamed);
  }
});

test("addresses that dockerode understands are accepted", () => {
  const accepted = [
    undefined,
    null,
    { socketPath: "/s", version: "v1.41", timeout: 1000 },
    { socketPath: "/s", host: "h", port: 2375, protocol: "http" },
    { host: "h", port: "2375" },
    { host: "http://h", port: 2375 },
    { host: "h", ...tls },
    { host: "h", protocol: "https", ...tls },
    { host: "h", protocol: "ssh", username: "me", port: 22 },
    { host: "ssh://me@h" },
    instance({}),
    instance({ socketPath: "/s" }),
    instance({ host: "h", port: "2375", pathPrefix: "/", username: "" }),
    instance({ host: "h", protocol: "ssh", sshOptions: { agent: "/agent", agentForward: true } }),
  ];
  for (const docker of accepted) assert.ok(new DockerIsol8({ docker }));
});

test("the usual socket of a dockerode instance is that of the docker command", async () => {
  assert.equal(typeof (await imageExists(instance({}), "isol8:none")), "boolean");
});
