// Installs a package for one call. Then puts it into an image, and imports it before the program arrives.
//
// Prints:
//   installed: 5.0
//   no network: Network is unreachable
//   in the image: 5.0

import { buildCustomImage, DockerIsol8 } from "@isol8/core";

const IMAGE = "isol8-example:numpy";

const determinant = `
import numpy
print(numpy.linalg.det(numpy.array([[2.0, 1.0], [1.0, 3.0]])).round(3))`;

const connect = `
import socket
try:
    socket.create_connection(("198.51.100.1", 443), timeout=5)
except OSError as error:
    print("no network:", error.strerror)`;

// The installation reaches the package registries, and the program does not. The time limit holds for both.
const isol8 = new DockerIsol8({ timeoutMs: 120_000 });
const installed = await isol8.execute({
  runtime: "python",
  code: determinant + connect,
  installPackages: ["numpy"],
});
console.log("installed:", installed.stdout || installed.stderr);
await isol8.stop();

await buildCustomImage(undefined, "python", ["numpy"], IMAGE);
const baked = new DockerIsol8({ image: IMAGE });
await baked.start({ prewarm: { runtimes: ["python"], preload: { python: ["numpy"] } } });
const { stdout, stderr } = await baked.execute({ runtime: "python", code: determinant });
console.log("in the image:", stdout || stderr);
await baked.stop();
