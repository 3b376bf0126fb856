// The program of each runtime, which prints one line, and the command line that runs it in a sandbox.

/** @type {Record<string, {code: string, file: string, argv: string[]}>} */
export const PROGRAMS = {
  python: {
    code: "print('hello')",
    file: "/sandbox/main.py",
    argv: ["python3", "/sandbox/main.py"],
  },
  node: {
    code: "console.log('hello')",
    file: "/sandbox/main.js",
    argv: ["node", "/sandbox/main.js"],
  },
  bun: {
    code: "console.log('hello')",
    file: "/sandbox/main.ts",
    argv: ["bun", "run", "/sandbox/main.ts"],
  },
  deno: {
    code: "console.log('hello')",
    file: "/sandbox/main.mts",
    argv: [
      "deno",
      "run",
      "--allow-read=/sandbox,/tmp",
      "--allow-write=/sandbox,/tmp",
      "--allow-env",
      "--allow-net",
      "/sandbox/main.mts",
    ],
  },
  bash: {
    code: "echo hello",
    file: "/sandbox/main.sh",
    argv: ["bash", "/sandbox/main.sh"],
  },
};

export const RUNTIMES = Object.keys(PROGRAMS);

/** Throws unless the program succeeded and printed the expected text. */
export function check({ stdout, stderr, exitCode }, expected = "hello") {
  if (exitCode === 0 && stdout.trim() === expected) return;
  throw new Error(`wrong result: exit code ${exitCode}, ${JSON.stringify({ stdout, stderr })}`);
}
