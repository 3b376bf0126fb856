//! Installations use the proxy, and the program gets no more network than its options give it.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_engine::Engine;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::world::{World, filtered_options};
use crate::common::{engine, run};

/// Makes a wheel and a npm package.
const PACK: &str = "import io, json, tarfile, zipfile
with zipfile.ZipFile('/sandbox/demo-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('demo.py', 'NAME = \"from the index\"')
    wheel.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')
    wheel.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('demo-1.0.dist-info/RECORD', 'demo.py,,\\ndemo-1.0.dist-info/METADATA,,\\ndemo-1.0.dist-info/WHEEL,,\\ndemo-1.0.dist-info/RECORD,,\\n')
with tarfile.open('/sandbox/demo.tgz', 'w:gz') as package:
    for name, text in (('package.json', json.dumps({'name': 'demo', 'version': '1.0.0', 'main': 'index.js'})), ('index.js', 'module.exports = \"from the registry\"')):
        info = tarfile.TarInfo('package/' + name); info.size = len(text)
        package.addfile(info, io.BytesIO(text.encode()))";

/// A network with a package `demo` for pip and for npm.
pub(crate) async fn world() -> World {
    World::with(packages().await, Arc::new(|_, _, _| None)).await
}

/// The answers of package registries about `demo`: the public ones and `mirror.test`.
pub(crate) async fn packages() -> BTreeMap<String, Vec<u8>> {
    let maker = engine(json!({}));
    let paths = ["/sandbox/demo-1.0-py3-none-any.whl", "/sandbox/demo.tgz"];
    let request = json!({"runtime": "python", "code": PACK, "outputPaths": paths});
    let result = run(&maker, request).await.unwrap();
    let made = result.files.unwrap();
    let [wheel, package] = paths.map(|path| BASE64.decode(&made[path]).unwrap());
    maker.stop().await;
    let mut files = BTreeMap::new();
    for (index, archive) in [
        (
            "pypi.org",
            "https://files.pythonhosted.org/demo-1.0-py3-none-any.whl",
        ),
        ("mirror.test", "/demo-1.0-py3-none-any.whl"),
    ] {
        let hash = hex::encode(Sha256::digest(&wheel));
        let page = format!("<a href=\"{archive}#sha256={hash}\">demo-1.0-py3-none-any.whl</a>");
        files.insert(format!("{index}/simple/demo/"), page.into_bytes());
    }
    files.insert("/demo-1.0-py3-none-any.whl".to_owned(), wheel);
    for (url, host) in [
        ("registry.npmjs.org/demo", "registry.npmjs.org"),
        ("mirror.test/npm/demo", "mirror.test"),
    ] {
        let metadata = json!({
            "name": "demo", "dist-tags": {"latest": "1.0.0"},
            "versions": {"1.0.0": {
                "name": "demo", "version": "1.0.0",
                "dist": {"tarball": format!("https://{host}/demo/-/demo-1.0.0.tgz")},
            }},
        });
        files.insert(url.to_owned(), metadata.to_string().into_bytes());
    }
    files.insert("/demo/-/demo-1.0.0.tgz".to_owned(), package);
    files.insert("/hello".to_owned(), b"hello".to_vec());
    files
}

/// Makes an engine with this `network` whose sandbox has the certificate authority already.
pub(crate) async fn ready(world: &World, runtime: &str, network: &str, more: Value) -> Engine {
    let mut options = filtered_options(&[], &more);
    options["network"] = network.into();
    options["mode"] = "persistent".into();
    if options["secrets"].is_null() {
        options["secrets"] = World::trust();
    }
    if network == "filtered" {
        options["networkFilter"]["whitelist"] = json!(["^a\\.test$"]);
    }
    let engine = engine(options);
    let first = run(&engine, json!({"runtime": runtime, "cmd": "true"}))
        .await
        .unwrap();
    assert_eq!(first.exit_code, 0);
    engine
        .put_file("/sandbox/ca.pem", world.authority.as_bytes())
        .await
        .unwrap();
    engine
}

/// Prints what was installed, and which of three hosts the program itself reaches.
const PYTHON: &str = "import demo, urllib.request
print(demo.NAME)
for url in ('http://a.test/hello', 'https://pypi.org/simple/demo/', 'http://mirror.test/simple/demo/'):
    try: print(urllib.request.urlopen(url, timeout=5).status)
    except Exception as error: print(getattr(error, 'code', None) or '403' * ('403' in str(error)) or 'no')";

const NODE: &str = "console.log(require('demo'));
(async () => { for (const url of ['http://a.test/hello', 'https://registry.npmjs.org/demo', 'http://mirror.test/simple/demo/'])
  console.log(await fetch(url, {signal: AbortSignal.timeout(5000)}).then((r) => r.status, (e) => String(e.cause?.cause ?? e).includes('403') ? 403 : 'no')) })()";

const DENO: &str = "import demo from 'npm:demo'; console.log(demo);
for (const url of ['http://a.test/hello', 'http://registry.npmjs.org/demo', 'http://mirror.test/simple/demo/'])
  console.log(await fetch(url, {signal: AbortSignal.timeout(5000)}).then((r) => r.status, () => 'no'))";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn installations_reach_the_registries_and_programs_do_not() {
    let world = world().await;
    for (runtime, code, origin) in [
        ("python", PYTHON, "from the index"),
        ("node", NODE, "from the registry"),
        ("bun", NODE, "from the registry"),
        ("deno", DENO, "from the registry"),
    ] {
        for network in ["none", "filtered"] {
            let engine = ready(&world, runtime, network, json!({})).await;
            let extension = match runtime {
                "python" => ".py",
                "deno" => ".mts",
                _ => ".cjs",
            };
            let request = json!({
                "runtime": runtime, "code": code, "fileExtension": extension,
                "installPackages": ["demo"], "env": World::trust(),
            });
            let result = run(&engine, request).await.unwrap();
            let reached = if network == "none" {
                "no\nno\nno"
            } else {
                "200\n403\n403"
            };
            assert_eq!(
                result.stdout,
                format!("{origin}\n{reached}"),
                "{runtime} {network} {result:?}"
            );
            let usage = result.resource_usage.unwrap();
            assert!(usage.network_bytes_in > 0, "the installation counts");
            engine.stop().await;
            world.take_seen();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn installations_can_be_denied_the_network() {
    let world = world().await;
    for network in ["none", "filtered"] {
        let engine = ready(&world, "python", network, json!({"installNetwork": false})).await;
        let request = json!({
            "runtime": "python", "code": "print(1)", "installPackages": ["demo"], "env": World::trust(),
        });
        let error = run(&engine, request).await.unwrap_err().to_string();
        assert!(
            error.starts_with("Package install failed (exit code 1)"),
            "{error}"
        );
        engine.stop().await;
    }
    assert!(world.take_seen().is_empty());
}

/// Sends requests to a registry all the time, and counts the answers.
const STRAY: &str = "import subprocess, sys, time, os
subprocess.Popen([sys.executable, '-c', '''
import http.client, threading
def ask():
    while True:
        open('/sandbox/asked', 'a').write('x')
        try:
            proxy = http.client.HTTPConnection('127.0.0.1', 8118, timeout=5)
            proxy.request('GET', 'http://pypi.org/stray'); proxy.getresponse()
            open('/sandbox/answered', 'a').write('x')
        except OSError: pass
        except http.client.HTTPException: pass
for _ in range(12): threading.Thread(target=ask).start()
'''], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not os.path.exists('/sandbox/asked'): time.sleep(0.01)";

/// Only the processes of an installation may reach its hosts.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_process_left_behind_cannot_use_the_network_of_an_installation() {
    let world = world().await;
    for network in ["none", "filtered"] {
        let engine = ready(&world, "python", network, json!({})).await;
        let stray = json!({"runtime": "python", "code": STRAY, "env": World::trust()});
        run(&engine, stray).await.unwrap();
        world.take_seen();
        let code = "import demo, os; print(demo.NAME, os.path.getsize('/sandbox/asked') > 10)";
        let request = json!({
            "runtime": "python", "code": code, "installPackages": ["demo"], "env": World::trust(),
        });
        let result = run(&engine, request).await.unwrap();
        assert_eq!(result.stdout, "from the index True", "{network} {result:?}");
        let seen = world.take_seen();
        assert!(!seen.is_empty());
        assert!(
            !seen.iter().any(|seen| seen.line.contains("stray")),
            "{network} {seen:?}"
        );
        engine.stop().await;
    }
}
