// Allows one host, and shows in the network log that another host was blocked.
//
// Prints:
//   GET example.org BLOCK
//   403 isol8: request to example.org blocked by network filter: networkFilter.whitelist can allow it

import { DockerIsol8 } from "@isol8/core";

const code = `
import urllib.error, urllib.request
try:
    urllib.request.urlopen("http://example.org/")
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
`;

const isol8 = new DockerIsol8({
  network: "filtered",
  networkFilter: { whitelist: ["^api\\.example\\.com$"] },
  logNetwork: true,
});
const { stdout, networkLogs } = await isol8.execute({ runtime: "python", code });
for (const { method, host, action } of networkLogs) console.log(method, host, action);
console.log(stdout);
await isol8.stop();
