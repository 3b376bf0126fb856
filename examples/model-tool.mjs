// A tool for a language model: it runs the model's code and returns a short text, whatever the code does.
//
// Prints:
//   exit code 0: 6765
//   exit code 1: ZeroDivisionError: division by zero
//   exit code 137: (time limit exceeded)
//   not run: Unknown runtime: "cobol". Available: python, node, bun, bash, deno, agent

import { DockerIsol8 } from "@isol8/core";

const isol8 = new DockerIsol8({ timeoutMs: 5_000, maxOutputSize: 4_000 });

/** Runs what a model asks for. Never throws: a model can correct its own mistakes from the text. */
async function runCode({ language, code }) {
  try {
    const result = await isol8.execute({ runtime: language, code });
    const { exitCode, stdout, stderr, termination } = result;
    if (termination === "timeout") return `exit code ${exitCode}: (time limit exceeded)`;
    const lines = (stdout || stderr).split("\n");
    return `exit code ${exitCode}: ${lines.at(-1)}`;
  } catch (error) {
    return `not run: ${error.message}`;
  }
}

const fibonacci = "a, b = 0, 1\nfor _ in range(20): a, b = b, a + b\nprint(a)";
const calls = [
  { language: "python", code: fibonacci },
  { language: "python", code: "1 / 0" },
  { language: "node", code: "for (;;);" },
  { language: "cobol", code: "DISPLAY 'HI'." },
];
for (const call of calls) console.log(await runCode(call));
await isol8.stop();
