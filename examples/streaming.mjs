// Shows output while the program runs, and ends an endless program by leaving the loop.
//
// Prints:
//   count 1
//   count 2
//   count 3
//   enough

import { DockerIsol8 } from "@isol8/core";

const code = `
import itertools, time
for number in itertools.count(1):
    print("count", number)
    time.sleep(0.1)
`;

const isol8 = new DockerIsol8();
let output = "";
for await (const event of isol8.executeStream({ runtime: "python", code })) {
  if (event.type === "stdout") output += event.data;
  if (output.split("\n").length > 3) break;
}
console.log(output.split("\n").slice(0, 3).join("\n"));
console.log("enough");
await isol8.stop();
