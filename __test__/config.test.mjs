// The configuration file, as a program loads it.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../index.js";
import { hostProcess } from "./helpers/child.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { test } from "./helpers/harness.mjs";

/** Returns the result of `load` and the warnings that it logged. */
function warned(load) {
  const warnings = [];
  const { warn } = console;
  console.warn = (...words) => warnings.push(words.join(" "));
  try {
    return { config: load(), warnings };
  } finally {
    console.warn = warn;
  }
}

test("loadConfig: each section of the file is merged over the defaults, and lists are replaced", async () => {
  await withFolder(async (folder) => {
    const file = {
      defaults: { timeoutMs: 5 },
      network: { whitelist: ["a"] },
      remoteCode: { blockedHosts: ["b"] },
      poolSize: { clean: 3 },
      dependencies: { python: ["six"] },
    };
    await writeFile(join(folder, "isol8.config.json"), JSON.stringify(file));
    const { config, warnings } = warned(() => loadConfig(folder));
    assert.deepEqual(warnings, []);
    assert.deepEqual(config.defaults, {
      timeoutMs: 5,
      memoryLimit: "512m",
      cpuLimit: 1,
      network: "none",
      sandboxSize: "512m",
      tmpSize: "256m",
      readonlyRootFs: true,
    });
    assert.deepEqual(config.network, { whitelist: ["a"], blacklist: [] });
    assert.deepEqual(config.remoteCode.blockedHosts, ["b"]);
    assert.deepEqual(config.remoteCode.allowedSchemes, ["https"]);
    assert.deepEqual(config.poolSize, { clean: 3, dirty: 1 });
    assert.deepEqual(config.cleanup, {
      autoPrune: true,
      keepImages: false,
      maxContainerAgeMs: 3_600_000,
    });
    assert.deepEqual(config.dependencies, { python: ["six"] });
  });
});

test("loadConfig: an unknown key and a wrong type are warnings that name them", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "isol8.config.json");
    const file = { maxConcurent: 3, defaults: { timeoutMs: "soon", cpuLimit: 2, x: 1 } };
    await writeFile(path, JSON.stringify(file));
    const { config, warnings } = warned(() => loadConfig(folder));
    assert.deepEqual(
      [config.maxConcurrent, config.defaults.timeoutMs, config.defaults.cpuLimit],
      [10, 30_000, 2],
    );
    assert.equal(warnings.length, 3, warnings.join("\n"));
    for (const named of ['"maxConcurent"', '"defaults.timeoutMs"', '"defaults.x"']) {
      assert.ok(
        warnings.some((text) => text.startsWith(`[WARN] ${path}: `) && text.includes(named)),
        `${named} in ${warnings.join("\n")}`,
      );
    }
  });
});

test("loadConfig: a file that is no JSON object is an error that names it", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "isol8.config.json");
    for (const text of ["{", "[]", "", "3"]) {
      await writeFile(path, text);
      assert.throws(() => loadConfig(folder), { message: new RegExp(`^Invalid config ${path}: `) });
    }
  });
});

test("loadConfig: without a file in the folder, the file in the home folder is used, else the defaults", async () => {
  await withFolder(async (folder) => {
    const program = `const { loadConfig } = await import(${JSON.stringify(new URL("../index.js", import.meta.url))});
console.log(JSON.stringify(loadConfig(${JSON.stringify(folder)}).maxConcurrent));`;
    const home = join(folder, "home");
    await mkdir(join(home, ".isol8"), { recursive: true });
    assert.equal((await hostProcess(program, { HOME: home }).ended).stdout, "10\n");
    await writeFile(join(home, ".isol8/config.json"), '{"maxConcurrent": 4}');
    assert.equal((await hostProcess(program, { HOME: home }).ended).stdout, "4\n");
    await writeFile(join(folder, "isol8.config.json"), '{"debug": true}');
    assert.equal((await hostProcess(program, { HOME: home }).ended).stdout, "10\n");
  });
});
