// Keeps variables, functions and files from one call to the next, as a notebook does.
//
// Prints:
//   [1, 4, 9]
//   sum: 14
//   saved squares.json

import { DockerIsol8 } from "@isol8/core";

const cells = [
  "numbers = [1, 2, 3]\ndef square(n): return n * n",
  "squares = [square(n) for n in numbers]\nprint(squares)",
  "print('sum:', sum(squares))",
  "import json, os\njson.dump(squares, open('squares.json', 'w'))",
  "print('saved', *[name for name in os.listdir() if name.endswith('.json')])",
];

const session = new DockerIsol8({ mode: "persistent" });
for (const code of cells) {
  const { stdout } = await session.execute({ runtime: "python", code });
  if (stdout) console.log(stdout);
}
await session.stop();
