// Processes that tests start, wait for and end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

/** Runs a command with an input. Returns its exit code and both streams. */
export async function ended(command, args, { cwd, env = {}, input = "" }) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env } });
  try {
    child.stdin.end(input);
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (piece) => {
        texts[name] += piece;
      });
    }
    const [code] = await once(child, "close", { signal: AbortSignal.timeout(120_000) });
    return { code, ...texts };
  } finally {
    child.kill("SIGKILL");
  }
}

/** Waits until a process with this number is gone. */
export async function gone(pid) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      process.kill(pid, 0);
      // What has ended and was not collected is gone, too.
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z");
      if (/\) [ZX]/.test(stat)) return;
    } catch {
      return;
    }
    assert.ok(Date.now() < deadline, `process ${pid} never ended`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits for the only child of a process, and until it listens for SIGHUP, the last signal that it begins to listen for. */
export async function childOf(pid) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    const [child] = text.trim().split(" ").filter(Boolean);
    const status = child && (await readFile(`/proc/${child}/status`, "utf8").catch(() => ""));
    const caught = /SigCgt:\s*([0-9a-f]+)/.exec(status ?? "")?.[1] ?? "0";
    if (BigInt(`0x${caught}`) & 1n) return Number(child);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`process ${pid} has no child that listens`);
}

/** The letter of a process's state: S, T (stopped), Z. */
async function stateOf(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") X");
  return /\) (\w)/.exec(stat)[1];
}

/** Waits until both processes are stopped, or neither is. */
export async function together(pids, stopped) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const states = await Promise.all(pids.map(stateOf));
    if (states.every((state) => (state === "T") === stopped)) return;
    assert.ok(Date.now() < deadline, `their states are ${states}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Ends processes whatever their state is. */
export function kill(pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {}
  }
}

/** The lines of a stream, one after the other. */
export async function* linesOf(stream) {
  let text = "";
  for await (const piece of stream) {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop();
    yield* lines;
  }
}
