// An ssh server on loopback with keys of its own, and an `ssh` that knows it.

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { until } from "./harness.mjs";

/** Name under which `ssh` finds the server. No other `ssh` knows it. */
export const HOST = "isol8-test-host";

const START_LIMIT_MS = 30_000;

const program = (name) =>
  [...process.env.PATH.split(delimiter), "/usr/sbin"]
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

/** Returns why there can be no server here, or false. */
export function reasonToSkip() {
  const missing = ["sshd", "ssh", "ssh-keygen", "docker"].find((name) => !program(name));
  return missing ? `${missing} is not installed (scripts/ensure-ssh-server.sh)` : false;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function makeKey(path) {
  execFileSync(program("ssh-keygen"), ["-q", "-t", "ed25519", "-N", "", "-f", path]);
  return readFileSync(`${path}.pub`, "utf8");
}

/**
 * Serves while `use` runs. Its argument has the variables for the environment of a process whose `ssh` reaches the
 * server as `HOST`, the port, and a function that counts the accepted logins.
 */
export async function withSshd(folder, use) {
  const port = await freePort();
  const hostKey = makeKey(join(folder, "host_key"));
  writeFileSync(join(folder, "authorized_keys"), makeKey(join(folder, "user_key")));
  writeFileSync(join(folder, "known_hosts"), `[127.0.0.1]:${port} ${hostKey}`);
  const serverConfig = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${join(folder, "host_key")}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    "PidFile none",
    "PasswordAuthentication no",
    "PermitRootLogin prohibit-password",
    "StrictModes no",
    "UsePAM no",
    ...(process.env.DOCKER_HOST ? [`SetEnv DOCKER_HOST=${process.env.DOCKER_HOST}`] : []),
  ];
  writeFileSync(join(folder, "sshd_config"), `${serverConfig.join("\n")}\n`);
  const clientConfig = [
    `Host ${HOST}`,
    "HostName 127.0.0.1",
    `Port ${port}`,
    `IdentityFile ${join(folder, "user_key")}`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${join(folder, "known_hosts")}`,
    "StrictHostKeyChecking yes",
  ];
  writeFileSync(join(folder, "ssh_config"), `${clientConfig.join("\n")}\n`);
  // `ssh` reads its configuration from the folder in the list of users, whatever HOME says.
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const wrapper = `#!/bin/sh\nexec '${program("ssh")}' -F '${join(folder, "ssh_config")}' "$@"\n`;
  writeFileSync(join(bin, "ssh"), wrapper);
  chmodSync(join(bin, "ssh"), 0o755);
  // A server that runs as root wants this folder for its unprivileged part.
  if (process.getuid() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });

  let log = "";
  const server = spawn(program("sshd"), ["-D", "-e", "-f", join(folder, "sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  server.stderr.on("data", (data) => {
    log += data;
  });
  try {
    await until(
      () => log.includes("Server listening"),
      START_LIMIT_MS,
      () => `sshd: ${log}`,
    );
    const logins = () => log.split("Accepted publickey").length - 1;
    const env = { PATH: `${bin}${delimiter}${process.env.PATH}`, DOCKER_HOST: undefined };
    await use({ env, port, logins, log: () => log });
  } finally {
    server.kill();
    await until(() => server.exitCode !== null || server.signalCode, START_LIMIT_MS, "sshd ends");
  }
}
