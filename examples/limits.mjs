// Shows what happens at the limits for time, output and memory.
//
// Prints:
//   time: exit code 137, EXECUTION TIMED OUT
//   output: 1000 bytes kept, truncated
//   memory: the program was killed

import { DockerIsol8 } from "@isol8/core";

const isol8 = new DockerIsol8({ memoryLimit: "128m", maxOutputSize: 1000 });

const slow = await isol8.execute({ runtime: "bash", code: "sleep 60", timeoutMs: 500 });
const [notice] = slow.stderr.match(/EXECUTION TIMED OUT/);
console.log(`time: exit code ${slow.exitCode}, ${notice}`);

const loud = await isol8.execute({ runtime: "bash", code: "yes | head -c 1000000" });
const kept = loud.stdout.indexOf("\n\n---");
console.log(`output: ${kept} bytes kept, ${loud.truncated ? "truncated" : "complete"}`);

const large = await isol8.execute({
  runtime: "python",
  code: "x = bytearray(10**9); print(len(x))",
});
console.log(large.exitCode === 0 ? `memory: ${large.stdout}` : "memory: the program was killed");
await isol8.stop();
