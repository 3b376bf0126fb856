// Programs of each language for the matrix of languages and engines.

/** Statuses that `url` gives through the proxy, for JavaScript. */
const FETCH = `for (const host of ["blocked", "allowed"]) {
  console.log((await fetch("http://" + host + ".invalid/")).status);
}`;

/**
 * `print` prints the name of the language. `copy` reads the file `in` and its standard input into a file of a new folder.
 * `set` and `get` are two calls of a session. `fetch` prints the statuses of a blocked and an allowed host.
 * `stay` prints `running` and goes on for ten minutes.
 */
export const PROGRAMS = {
  python: {
    print: "print('python')",
    copy: "import os, sys; os.mkdir('made'); open('made/out', 'w').write(open('in').read() + sys.stdin.read())",
    set: "x = 41",
    get: "x += 1; print(x, open('f').read())",
    fetch: `import urllib.error, urllib.request
for host in ("blocked", "allowed"):
    try: urllib.request.urlopen(f"http://{host}.invalid/")
    except urllib.error.HTTPError as error: print(error.code)`,
    stay: "import time; print('running', flush=True); time.sleep(600)",
  },
  node: {
    print: "console.log('node')",
    copy: `import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
mkdirSync("made"); writeFileSync("made/out", readFileSync("in", "utf8") + readFileSync(0, "utf8"));`,
    set: "let x = 41",
    get: "x += 1; console.log(x, require('fs').readFileSync('f', 'utf8'))",
    // Its `fetch` makes a tunnel for each request.
    fetch: `import { get } from "node:http";
for (const host of ["blocked", "allowed"]) {
  await new Promise((resolve) => get("http://" + host + ".invalid/", (response) => {
    console.log(response.statusCode);
    response.resume().on("end", resolve);
  }));
}`,
    stay: "console.log('running'); setTimeout(() => {}, 600_000)",
  },
  bun: {
    print: "console.log('bun')",
    copy: 'await Bun.write("made/out", (await Bun.file("in").text()) + (await Bun.stdin.text()))',
    set: "let x = 41",
    get: "x += 1; console.log(x, await Bun.file('f').text())",
    fetch: FETCH,
    stay: "console.log('running'); await Bun.sleep(600_000)",
  },
  deno: {
    print: "console.log('deno')",
    copy: `Deno.mkdirSync("made");
const input = await new Response(Deno.stdin.readable).text();
Deno.writeTextFileSync("made/out", Deno.readTextFileSync("in") + input);`,
    set: "let x = 41",
    get: "x += 1; console.log(x, Deno.readTextFileSync('f'))",
    fetch: FETCH,
    stay: "console.log('running'); setTimeout(() => {}, 600_000)",
  },
  bash: {
    print: "echo bash",
    copy: "mkdir made && cat in - >made/out",
    set: "x=41",
    get: 'echo $((x + 1)) "$(cat f)"',
    fetch: `for host in blocked allowed; do curl -s -o /dev/null -w '%{http_code}\\n' http://$host.invalid/; done`,
    stay: "echo running; setsid sleep 600 & sleep 600",
  },
};
