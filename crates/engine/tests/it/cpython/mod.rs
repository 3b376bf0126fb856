//! Python's own tests must give the same verdicts, test by test, in a parked interpreter and in one that was
//! started for them.
//!
//! `modules.txt` lists the modules, the tests that are left out, and the reasons. `ISOL8_TEST_LONG=1` adds the
//! modules that take long. `ONLY=test_os` runs the modules whose names contain `test_os`.
//!
//! Needs Docker, the image `isol8:python`, and Debian's package archive once: the tests are in no
//! image of isol8, so one with them is built and kept as `isol8-test:cpython`.

mod compare;
mod modules;

use crate::common::{self, json};

/// Python as it is in its runtime, and the tests that Debian packs separately.
const DOCKERFILE: &str = "FROM isol8:python
RUN apt-get update && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends libpython3.11-testsuite && rm -rf /var/lib/apt/lists/*
";

const IMAGE: &str = "isol8-test:cpython";

#[tokio::test(flavor = "multi_thread")]
async fn pythons_own_tests_have_the_same_verdicts() {
    common::build_dockerfile("cpython", DOCKERFILE).await;
    let long = std::env::var("ISOL8_TEST_LONG").is_ok_and(|value| value == "1");
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut modules = modules::listed();
    assert!(modules.len() > 60, "the list was not read");
    modules.retain(|module| (long || !module.long) && module.name.contains(&only));
    assert!(!modules.is_empty(), "no module has a name with ONLY={only}");
    let options = json!({
        "image": IMAGE,
        "memoryLimit": "1g",
        "pidsLimit": 256,
        "sandboxSize": "256m",
        "tmpSize": "256m",
        "poolSize": {"clean": 1, "dirty": 1},
    });
    compare::all(&options, modules).await;
}
