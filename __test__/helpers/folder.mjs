// Folders for tests.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own for the time that `use` takes. */
export async function withFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-test-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
