//! Package registries and certificates in an image's configuration, as each package manager expects them.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_engine::Engine;
use serde_json::{Value, json};

use super::{
    install::packages,
    world::{World, filtered_options},
};
use crate::common::{engine, run};

/// An image of a test. It is removed at the end of the test.
struct Image(String);

impl Image {
    /// Builds the image of `runtime` with `more` in its Dockerfile. The certificate authority is in
    /// `/etc/own-ca.pem`, and the system trusts it.
    fn build(world: &World, runtime: &str, name: &str, more: &str) -> Self {
        let tag = format!("isol8-test:configured-{name}");
        let authority = BASE64.encode(&world.authority);
        let dockerfile = format!(
            "FROM isol8:{runtime}
RUN echo {authority} | base64 -d >/etc/own-ca.pem && \\
  cp /etc/own-ca.pem /usr/local/share/ca-certificates/own.crt && update-ca-certificates
{more}\n"
        );
        let mut build = Command::new("docker")
            .args(["build", "--quiet", "--tag", &tag, "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = build.stdin.take().unwrap();
        input.write_all(dockerfile.as_bytes()).unwrap();
        drop(input);
        assert!(build.wait().unwrap().success());
        Self(tag)
    }

    fn engine(&self, more: &Value) -> Engine {
        let mut options = filtered_options(&[], more);
        options["network"] = "none".into();
        options["image"] = self.0.clone().into();
        engine(options)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // An image that cannot be removed is replaced the next time.
        let _ = Command::new("docker")
            .args(["rmi", "--force", &self.0])
            .output();
    }
}

/// Makes a Debian package and an index of it.
const DEBIAN: &str = "set -e; cd /sandbox; mkdir -p demo/DEBIAN demo/usr/bin
printf 'Package: demo\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: t <t@t.test>\\nDescription: t\\n' >demo/DEBIAN/control
printf '#!/bin/sh\\necho from the mirror\\n' >demo/usr/bin/demo; chmod +x demo/usr/bin/demo
dpkg-deb --root-owner-group -b demo demo.deb >/dev/null
{ cat demo/DEBIAN/control; echo Filename: ./demo.deb; echo Size: $(stat -c %s demo.deb)
  echo SHA256: $(sha256sum demo.deb | cut -d ' ' -f 1); } >Packages";

async fn world() -> World {
    let maker = engine(json!({}));
    let paths = ["/sandbox/demo.deb", "/sandbox/Packages"];
    let request = json!({"runtime": "bash", "code": DEBIAN, "outputPaths": paths});
    let result = run(&maker, request).await.unwrap();
    assert_eq!(result.exit_code, 0, "{result:?}");
    let made = result.files.unwrap();
    maker.stop().await;
    let mut files = packages().await;
    for (path, url) in paths.iter().zip(["demo.deb", "Packages"]) {
        let contents = BASE64.decode(&made[*path]).unwrap();
        files.insert(format!("mirror.test/apt/./{url}"), contents);
    }
    World::with(files, Arc::new(|_, _, _| None)).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn installations_use_the_registries_and_certificates_of_the_image() {
    let world = world().await;
    for (name, runtime, dockerfile, code, printed) in [
        (
            "pip",
            "python",
            "RUN printf '[global]\\nindex-url = https://mirror.test/simple\\n' >/etc/pip.conf",
            "import demo; print(demo.NAME)",
            "from the index",
        ),
        (
            "pip-environment",
            "python",
            "ENV PIP_INDEX_URL=https://mirror.test/simple",
            "import demo; print(demo.NAME)",
            "from the index",
        ),
        (
            "npm",
            "node",
            "RUN mkdir -p /usr/local/etc && printf 'registry=https://mirror.test/npm/\\ncafile=/etc/own-ca.pem\\n' >/usr/local/etc/npmrc",
            "console.log(require('demo'))",
            "from the registry",
        ),
        (
            "bun",
            "bun",
            "ENV NPM_CONFIG_REGISTRY=https://mirror.test/npm/ NODE_EXTRA_CA_CERTS=/etc/own-ca.pem",
            "import demo from 'demo'; console.log(demo)",
            "from the registry",
        ),
        (
            "bun-file",
            "bun",
            "ENV XDG_CONFIG_HOME=/etc/xdg NODE_EXTRA_CA_CERTS=/etc/own-ca.pem
RUN mkdir -p /etc/xdg && printf '[install]\\nregistry = \"https://mirror.test/npm/\"\\n' >/etc/xdg/.bunfig.toml",
            "import demo from 'demo'; console.log(demo)",
            "from the registry",
        ),
        (
            "deno",
            "deno",
            "ENV NPM_CONFIG_REGISTRY=https://mirror.test/npm/",
            "import demo from 'npm:demo'; console.log(demo)",
            "from the registry",
        ),
        (
            "apt",
            "bash",
            "RUN echo 'deb [trusted=yes] https://mirror.test/apt ./' >/etc/apt/sources.list",
            "demo",
            "from the mirror",
        ),
    ] {
        let image = Image::build(&world, runtime, name, dockerfile);
        let engine = image.engine(&json!({}));
        let package = if runtime == "deno" { "npm:demo" } else { "demo" };
        let request = json!({"runtime": runtime, "code": code, "installPackages": [package]});
        let result = run(&engine, request).await.unwrap();
        assert_eq!(result.stdout, printed, "{name} {result:?}");
        let seen = world.take_seen();
        assert!(!seen.is_empty(), "{name}");
        assert!(
            seen.iter().all(|seen| seen.line.contains(" mirror.test/")),
            "{name} {seen:?}"
        );
        engine.stop().await;
    }
}

/// An image is data: it opens no private address and no other port.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn registries_of_an_image_are_public_and_on_the_usual_ports() {
    let world = world().await;
    for (name, url) in [
        ("private", "http://private.test/simple"),
        ("port", "http://mirror.test:8080/simple"),
    ] {
        let dockerfile = format!(
            "RUN printf '[global]\\nindex-url = {url}\\ntrusted-host = private.test\\n  mirror.test:8080\\n' >/etc/pip.conf"
        );
        let image = Image::build(&world, "python", name, &dockerfile);
        let engine = image.engine(&json!({}));
        let request = json!({"runtime": "python", "code": "1", "installPackages": ["demo"]});
        let error = run(&engine, request).await.unwrap_err().to_string();
        assert!(error.starts_with("Package install failed"), "{error}");
        assert!(world.take_seen().is_empty(), "{name}");
        engine.stop().await;
    }
}

/// Points pip to a registry that the program chose, in a file that the session keeps.
const OWN_INDEX: &str = "import os
text = '[global]\\nindex-url = http://mirror.test/simple\\ntrusted-host = mirror.test\\n'
for path in ('/sandbox/own.conf', '/sandbox/.config/pip/pip.conf'):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, 'w').write(text); os.chmod(path, 0o444)";

/// Installs in a session of `image` after [`OWN_INDEX`] and `code`. pip tries the program's registry, and no request
/// gets there.
async fn opens_no_host(world: &World, image: &str, code: &str) {
    let log = json!({"PIP_LOG": "/sandbox/pip.log"});
    let more = json!({"mode": "persistent", "image": image, "secrets": log});
    let mut options = filtered_options(&[], &more);
    options["network"] = "none".into();
    let engine = engine(options);
    let code = format!("{OWN_INDEX}\n{code}");
    let planted = run(&engine, json!({"runtime": "python", "code": code})).await;
    assert_eq!(planted.unwrap().exit_code, 0);
    let request = json!({"runtime": "python", "code": "1", "installPackages": ["demo"]});
    run(&engine, request).await.unwrap_err();
    let log = engine.get_file("/sandbox/pip.log").await.unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(
        log.contains("http://mirror.test/simple"),
        "it did try: {log}"
    );
    assert!(world.take_seen().is_empty());
    engine.stop().await;
}

/// Files that a program has written do not configure the image, even if the image points to them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn files_that_a_program_has_written_open_no_host() {
    let world = world().await;
    let link = "RUN ln -s /sandbox/own.conf /etc/pip.conf";
    let image = Image::build(&world, "python", "linked", link);
    opens_no_host(&world, &image.0, "").await;
}

/// Pretends, in place of every shell, that the image names one more registry.
const IMPOSTOR: &str = "import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', '''
import os
open('/sandbox/ready', 'w')
while True:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if open(f'/proc/{pid}/cmdline').read().startswith('/bin/sh'):
                os.kill(int(pid), 19)
                for fd in (1, 2):
                    with open(f'/proc/{pid}/fd/{fd}', 'w') as out:
                        out.write('PIP_INDEX_URL=http://mirror.test/simple\\\\n')
                os.kill(int(pid), 18)
        except OSError: pass
'''], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not os.path.exists('/sandbox/ready'): time.sleep(0.01)";

/// A process that an earlier program left behind cannot name registries for the image.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_process_left_behind_cannot_name_a_registry() {
    let world = world().await;
    opens_no_host(&world, "isol8:python", IMPOSTOR).await;
}
