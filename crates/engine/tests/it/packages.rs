//! Packages that are installed for a program, and packages that are baked into an image. They come from the real
//! public registries.

use crate::common::*;

const TABLE: &str = "import numpy as np, pandas as pd
frame = pd.DataFrame({'x': np.arange(3), 'y': np.arange(3) ** 2})
print(frame.to_string())
print(int(frame.y.sum()))";

const TABLE_PRINTED: &str = "   x  y\n0  0  0\n1  1  1\n2  2  4\n5";

/// Makes an engine on which only an installation can provide packages.
fn installing(runtime: &str) -> isol8_engine::Engine {
    engine(json!({
        "network": "host",
        "image": format!("isol8:{runtime}"),
        "timeoutMs": 120_000,
        "sandboxSize": "1g",
        "memoryLimit": "1g",
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn python_computes_with_installed_numpy_and_pandas() {
    let engine = installing("python");
    let request = json!({
        "runtime": "python", "code": TABLE, "installPackages": ["pandas", "numpy"],
    });
    assert_eq!(stdout(&engine, request).await, TABLE_PRINTED);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_finds_an_installed_package_by_import_and_by_require() {
    let engine = installing("node");
    for code in [
        "import _ from 'lodash'; console.log(_.chunk([1, 2, 3], 2).length)",
        "const _ = require('lodash'); console.log(_.chunk([1, 2, 3], 2).length)",
    ] {
        for extension in [".mjs", ".cjs", ".js"] {
            if code.starts_with("import") == (extension == ".cjs") {
                continue;
            }
            let request = json!({
                "runtime": "node", "code": code, "fileExtension": extension,
                "installPackages": ["lodash"],
            });
            let result = run(&engine, request).await.unwrap();
            assert_eq!(
                (result.stdout.as_str(), result.exit_code),
                ("2", 0),
                "{result:?}"
            );
        }
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bun_finds_an_installed_package() {
    let engine = installing("bun");
    let request = json!({
        "runtime": "bun",
        "code": "import ms from 'ms'; const days: number = 2; console.log(ms(`${days} days`))",
        "installPackages": ["ms"],
    });
    assert_eq!(stdout(&engine, request).await, "172800000");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deno_finds_an_installed_module() {
    let engine = installing("deno");
    let request = json!({
        "runtime": "deno",
        "code": "import ms from 'npm:ms@2'; console.log(ms('2 days'))",
        "installPackages": ["npm:ms@2"],
    });
    assert_eq!(stdout(&engine, request).await, "172800000");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_finds_an_installed_program_with_its_libraries() {
    let engine = installing("bash");
    let request = json!({
        "runtime": "bash",
        "code": "echo '{\"a\": [1, 2]}' | jq -c .a; command -v jq",
        "installPackages": ["jq"],
    });
    assert_eq!(
        stdout(&engine, request).await,
        "[1,2]\n/sandbox/.local/bin/jq"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_stay_in_a_persistent_engine() {
    let engine = engine(json!({ "network": "host", "mode": "persistent", "image": "isol8:node" }));
    let code = "import ms from 'ms'; import has from 'has-flag'; console.log(ms('1s'), has('x'))";
    for packages in [json!(["ms"]), json!(["has-flag"]), json!([])] {
        let last = packages == json!([]);
        let code = if last {
            code
        } else {
            "console.log(1000, false)"
        };
        let request = json!({
            "runtime": "node", "code": code, "fileExtension": ".mjs", "installPackages": packages,
        });
        assert_eq!(stdout(&engine, request).await, "1000 false");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_images_find_their_packages_in_every_runtime() {
    const LODASH: &str = "import _ from 'lodash'; console.log(_.chunk([1, 2, 3], 2).length)";
    let requires = LODASH.replace("import _ from 'lodash'", "const _ = require('lodash')");
    let modules = "import ms from 'npm:ms@2'; console.log(ms('2 days'))";
    for (runtime, packages, code, printed) in [
        ("python", &["numpy", "pandas"][..], TABLE, TABLE_PRINTED),
        ("node", &["lodash"], LODASH, "2"),
        ("node", &["lodash"], &requires, "2"),
        ("bun", &["lodash"], LODASH, "2"),
        ("deno", &["npm:ms@2"], modules, "172800000"),
        ("bash", &["jq"], "echo '[1, 2]' | jq -c .", "[1,2]"),
    ] {
        let baked = image(&format!("baked-{runtime}"), runtime, packages, None);
        let tag = build(&baked).await.unwrap().tag;
        let engine = engine(json!({ "image": tag }));
        let request = json!({ "runtime": runtime, "code": code, "installPackages": packages });
        let result = run(&engine, request).await.unwrap();
        assert_eq!(
            (result.stdout.as_str(), result.stderr.as_str()),
            (printed, ""),
            "{runtime}"
        );
        // Nothing was installed, so the packages come from the image.
        assert_eq!(
            result.resource_usage.unwrap().network_bytes_in,
            0,
            "{runtime}"
        );
        engine.stop().await;
    }
    // With a network, modules beyond the baked ones can be loaded.
    let open = engine(json!({ "image": "isol8-test:baked-deno", "network": "host" }));
    let code = "import ms from 'npm:ms@2'; import has from 'npm:has-flag@5';
        console.log(ms('1s'), has('x'))";
    let request = json!({ "runtime": "deno", "code": code, "installPackages": ["npm:has-flag@5"] });
    assert_eq!(stdout(&open, request).await, "1000 false");
    open.stop().await;
    remove_images(&[
        "baked-python",
        "baked-node",
        "baked-bun",
        "baked-deno",
        "baked-bash",
    ])
    .await;
}
