// An image with pandas. pip makes it from the Python image, and it is kept for the next run.

import { existsSync } from "node:fs";
import { docker } from "./docker.mjs";

const BASE = "isol8:python";
const TAG = "isol8-benchmark:pandas";

/** Label with the id of the image on which this one is built. */
const BASE_LABEL = "isol8.benchmark.base";

/** Path, in the installing container, of the certificate authorities of this machine. */
const CA_FILE = "/run/benchmark-ca.pem";

/** Makes the image unless a current one exists. Returns its tag. */
export async function pandasImage(log) {
  const base = await docker("GET", `/images/${BASE}/json`);
  const present = await docker("GET", `/images/${TAG}/json`).catch(() => undefined);
  if (present?.Config.Labels?.[BASE_LABEL] === base.Id) return TAG;

  log("installing pandas");
  const ca = process.env.SSL_CERT_FILE;
  const withCa = ca !== undefined && existsSync(ca);
  const { Id } = await docker("POST", "/containers/create", {
    Image: BASE,
    Entrypoint: [],
    Cmd: ["pip3", "install", "--break-system-packages", "--no-cache-dir", "pandas"],
    Env: withCa ? [`PIP_CERT=${CA_FILE}`] : [],
    HostConfig: { NetworkMode: "host", Binds: withCa ? [`${ca}:${CA_FILE}:ro`] : [] },
  });
  try {
    await docker("POST", `/containers/${Id}/start`);
    const { StatusCode } = await docker("POST", `/containers/${Id}/wait`);
    if (StatusCode !== 0) throw new Error(`pip ended with exit code ${StatusCode}`);
    const [repo, tag] = TAG.split(":");
    await docker("POST", `/commit?container=${Id}&repo=${repo}&tag=${tag}`, {
      Cmd: base.Config.Cmd,
      Env: base.Config.Env,
      Labels: { ...base.Config.Labels, [BASE_LABEL]: base.Id },
    });
  } finally {
    await docker("DELETE", `/containers/${Id}?force=1`);
  }
  return TAG;
}
