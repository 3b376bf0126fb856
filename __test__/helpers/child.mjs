// Runs the package in another host process, which can end or be killed.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("../../index.js", import.meta.url));

/** The arguments with which the current runtime (Node or Bun) runs a module given as text. */
const EVALUATE = process.versions.bun ? ["-e"] : ["--input-type=module", "-e"];

/**
 * Starts `program`, the text of a module, with an import of the classes and of `createServer` in front. `line()` resolves with the next
 * line that it prints. `ended` resolves with exit code, signal and the whole output.
 */
export function hostProcess(program, env = {}) {
  const text = `import { DockerIsol8, RemoteIsol8, createServer } from ${JSON.stringify(PACKAGE)};\n${program}`;
  return started([...EVALUATE, text], env);
}

/** Starts the program in the file `path`. Returns the same as `hostProcess`. */
export function scriptProcess(path, env = {}) {
  return started([path], env);
}

/** Starts the current runtime (Node or Bun) with these arguments. */
function started(args, env) {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  let read = 0;
  let wake = () => {};
  child.stdout.setEncoding("utf8").on("data", (data) => {
    stdout += data;
    wake();
  });
  child.stderr.setEncoding("utf8").on("data", (data) => {
    stderr += data;
  });
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code, signal, stdout, stderr });
      wake();
    });
  });
  const line = async () => {
    for (;;) {
      const end = stdout.indexOf("\n", read);
      if (end >= 0) {
        const text = stdout.slice(read, end);
        read = end + 1;
        return text;
      }
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the host process ended: ${stderr}`);
      }
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  };
  return { child, line, ended };
}
