// A certificate of tests.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** The paths of the key and the certificate that `makeCertificate` has made in `folder`. */
export const certificateIn = (folder) => ({
  key: join(folder, "key.pem"),
  certificate: join(folder, "certificate.pem"),
});

/** Makes a certificate for this machine, and its key. Returns the paths of both, which are in `folder`. */
export async function makeCertificate(folder) {
  const { key, certificate } = certificateIn(folder);
  await execute("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-subj", "/CN=isol8 test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-days", "2"],
    ...["-keyout", key, "-out", certificate],
  ]);
  return { key, certificate };
}
