// The tools that every image of isol8 has beside its runtime.

import assert from "node:assert/strict";
import { LANGUAGES, outputOf, test, withEngine } from "./helpers/harness.mjs";

/** Uses each tool once, without a network. `nc` serves what `curl` and `wget` get. */
const USE_ALL = `
set -eu
git init -q work && cd work
git config user.name tester && git config user.email tester@example.com
echo content >file && git add file && git commit -qm first && git log --format=%s
git archive --format=zip -o ../packed.zip HEAD
cd .. && unzip -q packed.zip -d unpacked && cat unpacked/file
serve() { printf 'HTTP/1.0 200 OK\\r\\n\\r\\nserved' | nc -l -N 127.0.0.1 8080 >/dev/null & }
get() { for try in $(seq 100); do "$@" 2>error && return; sleep 0.05; done; cat error; return 1; }
serve; get curl -fsS http://127.0.0.1:8080/; echo; wait
serve; get wget -q -O - http://127.0.0.1:8080/; echo; wait
sleep 60 & ps -o args= -p $!; kill $!
less -V | head -n 1 | cut -d ' ' -f 1
nano --version | head -n 1 | tr -d ' ' | cut -d , -f 1
gh --version | head -n 1 | cut -d ' ' -f 1,2
`;

for (const name of [...LANGUAGES, "agent"]) {
  test(`${name}: the tools of the image work`, async () => {
    const image = `isol8:${name}`;
    const output = await withEngine({ image }, (engine) =>
      outputOf(engine, { runtime: "bash", cmd: USE_ALL }),
    );
    const lines = [
      "first",
      "content",
      "served",
      "served",
      "sleep 60",
      "less",
      "GNUnano",
      "gh version",
    ];
    assert.deepEqual(output.split("\n"), lines);
  });
}

test("curl, wget, git and gh use the filtered network", async () => {
  const options = {
    network: "filtered",
    networkFilter: { whitelist: ["^allowed\\.invalid$"], blacklist: [] },
  };
  await withEngine({ ...options, logNetwork: true }, async (filtered) => {
    const cmd = `
      curl -s https://curl.invalid/
      wget -q --tries=1 https://wget.invalid/
      git ls-remote https://git.invalid/x
      GH_TOKEN=none gh api user
      true`;
    const result = await filtered.execute({ runtime: "bash", cmd });
    const asked = result.networkLogs.map(({ action, host }) => `${action} ${host}`);
    const hosts = ["curl.invalid", "wget.invalid", "git.invalid", "api.github.com"];
    assert.deepEqual(
      asked,
      hosts.map((host) => `BLOCK ${host}`),
    );
  });
});
