//! The state that a program leaves for the next one in Node, Bun and Deno.

use serde_json::json;

use super::support::Session;

#[tokio::test(flavor = "multi_thread")]
async fn node_keeps_what_a_program_leaves() {
    let session = Session::new("node");
    session
        .says("import os from 'os'; import { readFileSync as read } from 'fs'")
        .await;
    let first = "const fs = require('fs'); let n = 1; var v = 2; class C { w = 3 }\n\
                 function f() { return n + v } const { a, b: [c], ...rest } = { a: 4, b: [5], d: 6 };\n\
                 for (var i = 0; i < 3; i++);\nconst g = () => n";
    session.says(first).await;
    session.says("export const e = 7").await;
    let print = "console.log(n, v, new C().w, f(), a, c, rest.d, i, e, typeof os.cpus, typeof read, \
                 typeof fs.statSync, f.name, C.name, g.name)";
    let expected = "1 2 3 3 4 5 6 3 7 function function function f C g";
    assert_eq!(session.says(print).await, expected);
    session
        .says("const n = 10; class C { w = 11 } function f() { return -n }")
        .await;
    assert_eq!(
        session.says("console.log(g(), new C().w, f())").await,
        "10 11 -10"
    );
    assert_eq!(
        session
            .says("const t = await Promise.resolve(8); console.log(t)")
            .await,
        "8"
    );
    assert_eq!(
        session
            .says("console.log(t); setTimeout(() => console.log('late'), 50)")
            .await,
        "8\nlate"
    );
    let facts = "console.log(require.main === module, __filename, process.argv[1])";
    assert_eq!(
        session.says(facts).await,
        "true /sandbox/main.js /sandbox/main.js"
    );
    let late = session
        .run("setTimeout(() => { throw new TypeError('later') }, 5)")
        .await;
    assert_eq!(late.exit_code, 1);
    assert!(
        late.stderr.starts_with("/sandbox/main.js:1\nsetTimeout("),
        "{late:?}"
    );
    let rejected = session.run("Promise.reject(new Error('nobody'))").await;
    assert_eq!(rejected.exit_code, 1);
    let wrong = session.run("\nconst w = ;").await;
    assert!(
        wrong
            .stderr
            .starts_with("/sandbox/main.js:2\nconst w = ;\n"),
        "{wrong:?}"
    );
    assert_eq!(session.says("console.log(t, n)").await, "8 10");
    assert_eq!(session.run("process.exitCode = 3").await.exit_code, 3);
    assert_eq!(session.says("console.log(t)").await, "8");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_keeps_what_a_program_leaves() {
    for runtime in ["bun", "deno"] {
        let session = Session::new(runtime);
        let first = "import { join } from 'node:path'; interface A { a: number } enum E { X = 3 }\n\
                     const v: A = { a: E.X }; function f<T>(x: T): T { return x }\n\
                     class K { constructor(private z: number) {} get() { return this.z } }";
        session.says(first).await;
        let print = "console.log(v.a, E.X, f<number>(5), new K(9).get(), join('a', 'b'))";
        assert_eq!(session.says(print).await, "3 3 5 9 a/b", "{runtime}");
        session
            .says("const v: A = { a: 4 }; const t = await Promise.resolve(8)")
            .await;
        let late = "console.log(v.a, t); setTimeout(() => console.log('late'), 50)";
        assert_eq!(session.says(late).await, "4 8\nlate", "{runtime}");
        let late = session
            .run("setTimeout(() => { throw new TypeError('later') }, 5)")
            .await;
        assert_eq!(
            (late.exit_code, late.stderr.contains("later")),
            (1, true),
            "{runtime} {late:?}"
        );
        let rejected = session.run("Promise.reject(new Error('nobody'))").await;
        assert_eq!(rejected.exit_code, 1, "{runtime}");
        assert_eq!(session.says("console.log(t)").await, "8", "{runtime}");
        let files = json!({"files": {"/sandbox/dep.ts": "export const d: number = 6"}});
        let imported = session
            .run_with("import { d } from './dep.ts'; console.log(d)", files)
            .await;
        assert_eq!(imported.stdout, "6", "{runtime} {imported:?}");
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_leaves_work_behind_ends_the_interpreter() {
    for runtime in ["node", "bun", "deno"] {
        let session = Session::new(runtime);
        session.says("var x = 1").await;
        let failed = session
            .run("setInterval(() => {}, 1000); throw new Error('boom')")
            .await;
        assert_eq!(
            (failed.exit_code, failed.stderr.contains("boom")),
            (1, true),
            "{runtime}"
        );
        assert_eq!(
            session.says("console.log(typeof x)").await,
            "undefined",
            "{runtime}"
        );
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deno_has_no_more_rights_than_in_a_process_of_its_own() {
    let session = Session::new("deno");
    let code = "for (const path of ['/.isol8/guest', '/dev/fd/250', '/etc/passwd']) {\n\
                try { Deno.openSync(path); console.log('open', path) } catch { console.log('no') } }";
    assert_eq!(session.says(code).await, "no\nno\nno");
    session.engine.stop().await;
}
