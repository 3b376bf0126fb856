// Runs one line of code in each language.
//
// Prints:
//   python hello from Python
//   node hello from Node.js
//   bun hello from Bun
//   deno hello from Deno
//   bash hello from Bash

import { DockerIsol8 } from "@isol8/core";

const programs = {
  python: "print('hello from Python')",
  node: "console.log('hello from Node.js')",
  bun: "console.log('hello from Bun')",
  deno: "console.log('hello from Deno')",
  bash: "echo hello from Bash",
};

const isol8 = new DockerIsol8();
for (const [runtime, code] of Object.entries(programs)) {
  const { stdout } = await isol8.execute({ runtime, code });
  console.log(runtime, stdout);
}
await isol8.stop();
