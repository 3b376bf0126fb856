// The suite of behaviour over encrypted connections. It runs in a process of its own, because Node.js reads the certificates
// that it trusts when it starts.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makeCertificate } from "./helpers/certificate.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { test } from "./helpers/harness.mjs";

const SUITE = fileURLToPath(new URL("behaviour.test.mjs", import.meta.url));

/** The words that run the suite in this runner. */
const WORDS = process.versions.bun
  ? ["test", "--timeout", "180000", SUITE]
  : ["--test-reporter=spec", SUITE];

/** Less than a test may take. */
const LIMIT_MS = 170_000;

/** Runs the suite, and kills what it leaves. Returns its output. */
async function outputOfSuite(env) {
  const child = spawn(process.execPath, WORDS, {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const killAll = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      // No process of the group is left.
      if (error.code !== "ESRCH") throw error;
    }
  };
  const overdue = setTimeout(killAll, LIMIT_MS);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      said += data;
    });
  }
  try {
    await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    return said;
  } finally {
    clearTimeout(overdue);
    if (child.pid) killAll();
  }
}

/** Tests of the suite that passed, failed and were skipped, from the summary of either runner. */
function counted(said) {
  const count = (node, bun) => Number((node.exec(said) ?? bun.exec(said))?.[1] ?? 0);
  return {
    passed: count(/^ℹ pass (\d+)/m, /^ *(\d+) pass$/m),
    failed: count(/^ℹ fail (\d+)/m, /^ *(\d+) fail$/m),
    skipped: count(/^ℹ skipped (\d+)/m, /^ *(\d+) skip$/m),
  };
}

test("the suite of behaviour holds for both clients over TLS", async () => {
  await withFolder(async (folder) => {
    const { certificate } = await makeCertificate(folder);
    const env = { ...process.env, ISOL8_TEST_CERTIFICATE: folder };
    // These would have the suite trust others, go elsewhere, or report to this runner.
    for (const name of ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_TEST_CONTEXT"]) delete env[name];
    env.NODE_EXTRA_CA_CERTS = certificate;
    env.NO_PROXY = env.no_proxy = "127.0.0.1";
    const said = await outputOfSuite(env);
    const { passed, failed, skipped } = counted(said);
    assert.deepEqual([failed, skipped], [0, 0], said);
    // Eight parts and the cuts, for two clients over two transports.
    assert.equal(passed, 36, said);
  });
});
