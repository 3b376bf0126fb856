// A session of one runtime, and programs that try it in each language.

import { outputOf, withEngine } from "./harness.mjs";

/** The programs for each rule, in each language. */
export const PROGRAMS = {
  python: {
    keepsState: true,
    isInterrupted: true,
    set: "import json\nx = 42\ndef double(n): return 2 * n",
    get: "print(json.dumps(double(x)))",
    isSet: "print(str('x' in globals()).lower())",
    write: "import os; os.mkdir('/sandbox/d'); open('/sandbox/d/f', 'w').write('kept')",
    read: "print(open('/sandbox/d/f').read())",
    enter: "import os; os.chdir('/sandbox/d')",
    directory: "import os; print(os.getcwd())",
    fail: "raise RuntimeError('boom')",
    exit: "import sys; print('bye'); sys.exit(7)",
    hang: "import time\nprint('on')\nwhile True: time.sleep(0.01)",
    environment: "import os; print(os.environ.get('KEY', 'unset'))",
  },
  node: {
    isInterrupted: true,
    set: "const { EOL } = require('os'); const x = 42; function double(n) { return 2 * n; }",
    get: "console.log(EOL === '\\n' && double(x))",
    isSet: "console.log(typeof x !== 'undefined')",
    write:
      "const fs = require('fs'); fs.mkdirSync('/sandbox/d'); fs.writeFileSync('/sandbox/d/f', 'kept')",
    read: "console.log(require('fs').readFileSync('/sandbox/d/f', 'utf8'))",
    enter: "process.chdir('/sandbox/d')",
    directory: "console.log(process.cwd())",
    fail: "throw new Error('boom')",
    exit: "console.log('bye'); process.reallyExit(7)",
    hang: "console.log('on'); setInterval(() => {}, 10); await new Promise(() => {});",
    environment: "console.log(process.env.KEY ?? 'unset')",
  },
  bun: {
    set: "import { EOL } from 'os'; const x: number = 42; function double(n: number) { return 2 * n; }",
    get: "console.log(EOL === '\\n' && double(x as number))",
    isSet: "console.log(typeof x !== 'undefined')",
    write: "await Bun.write('/sandbox/d/f', 'kept')",
    read: "console.log(await Bun.file('/sandbox/d/f').text())",
    enter: "process.chdir('/sandbox/d')",
    directory: "console.log(process.cwd())",
    fail: "throw new Error('boom')",
    exit: "console.log('bye'); process.reallyExit(7)",
    hang: "console.log('on'); for (;;) await Bun.sleep(10);",
    environment: "console.log(process.env.KEY ?? 'unset')",
  },
  deno: {
    set: "const x: number = 42; function double(n: number) { return 2 * n; }",
    get: "console.log(double(x as number))",
    isSet: "console.log(typeof x !== 'undefined')",
    write: "Deno.mkdirSync('/sandbox/d'); Deno.writeTextFileSync('/sandbox/d/f', 'kept')",
    read: "console.log(Deno.readTextFileSync('/sandbox/d/f'))",
    enter: "Deno.chdir('/sandbox/d')",
    directory: "console.log(Deno.cwd())",
    fail: "throw new Error('boom')",
    exit: "console.log('bye'); const end = Deno.exit; end(7)",
    hang: "console.log('on'); for (;;) await new Promise((done) => setTimeout(done, 10));",
    environment: "console.log(Deno.env.get('KEY') ?? 'unset')",
  },
  bash: {
    set: "x=42; double() { echo $((2 * $1)); }",
    get: "double $x",
    isSet: '[ -n "$x" ] && echo true || echo false',
    write: "mkdir d; printf kept >d/f",
    read: "cat /sandbox/d/f",
    enter: "cd /sandbox/d",
    directory: "pwd",
    fail: "echo boom >&2; false",
    exit: "echo bye; exit 7",
    hang: "echo on; while :; do sleep 0.01; done",
    environment: 'echo "${KEY-unset}"',
  },
};

/** Returns two functions for a persistent engine: one that runs code, and one that runs code that must succeed. */
export function withSession(runtime, use) {
  return withEngine({ mode: "persistent" }, (engine) =>
    use({
      engine,
      run: (code, more) => engine.execute({ runtime, code, ...more }),
      says: (code, more) => outputOf(engine, { runtime, code, ...more }),
    }),
  );
}
