// Registers a runtime of its own: AWK programs, in the image of Bash.
//
// Prints:
//   3 lines, 6 words

import { DockerIsol8, RuntimeRegistry } from "@isol8/core";

RuntimeRegistry.register({
  name: "awk",
  image: "isol8:bash",
  getCommand: (_code, filePath) => ["awk", "-f", filePath],
  getFileExtension: () => ".awk",
});

const isol8 = new DockerIsol8();
const { stdout } = await isol8.execute({
  runtime: "awk",
  code: '{ words += NF } END { print NR " lines, " words " words" }',
  stdin: "one\ntwo words\nand three words\n",
});
console.log(stdout);
await isol8.stop();
