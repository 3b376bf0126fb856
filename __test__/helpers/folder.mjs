// Folders for tests.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a temporary folder while `use` runs. */
export async function withFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-test-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
