// Folders for tests.

import { mkdtempSync, statfsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder in memory, where Linux has one. */
const IN_MEMORY = "/dev/shm";

/** Free memory that a daemon with the images of all languages needs, in bytes. */
const DAEMON_BYTES = 4 * 2 ** 30;

/** Makes the folder of a daemon, in memory where there is enough: images are large, and disks slow. */
export function daemonFolder() {
  let parent = tmpdir();
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    if (bavail * bsize >= DAEMON_BYTES) parent = IN_MEMORY;
  } catch {
    // There is no such folder.
  }
  return mkdtempSync(join(parent, "isol8-daemon-"));
}

/** Makes a temporary folder while `use` runs. */
export async function withFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-test-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
