//! A persistent engine is a session: what a program leaves in its interpreter, the next one finds.
#![expect(clippy::unwrap_used, reason = "a test")]

use isol8_engine::{
    Engine,
    backend::DockerAddress,
    options::{Options, RawOptions},
    request::ExecutionRequest,
    result::ExecutionResult,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A persistent engine of one runtime.
struct Session {
    engine: Engine,
    runtime: &'static str,
}

impl Session {
    fn new(runtime: &'static str) -> Self {
        Self::with(runtime, json!({}))
    }

    fn with(runtime: &'static str, mut options: Value) -> Self {
        options["mode"] = json!("persistent");
        let raw: RawOptions = serde_json::from_value(options).unwrap();
        let options = Options::try_from(raw).unwrap();
        let engine = Engine::new(options, 4, DockerAddress::default()).unwrap();
        Self { engine, runtime }
    }

    fn request(&self, code: &str, more: &Value) -> ExecutionRequest {
        let mut request = json!({"runtime": self.runtime, "code": code});
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        if request["cmd"].is_string() {
            request.as_object_mut().unwrap().remove("code");
        }
        serde_json::from_value(request).unwrap()
    }

    async fn run_with(&self, code: &str, more: Value) -> ExecutionResult {
        let request = self.request(code, &more);
        self.engine
            .execute(request, CancellationToken::new())
            .await
            .unwrap()
    }

    async fn run(&self, code: &str) -> ExecutionResult {
        self.run_with(code, json!({})).await
    }

    /// Runs `code`, which must succeed silently on standard error, and returns its output.
    async fn says(&self, code: &str) -> String {
        let result = self.run(code).await;
        assert_eq!(
            (result.exit_code, result.stderr.as_str()),
            (0, ""),
            "{code}\n{result:?}"
        );
        result.stdout
    }

    async fn cmd(&self, cmd: &str) -> ExecutionResult {
        self.run_with("", json!({"cmd": cmd})).await
    }
}

impl Session {
    /// How long each `sleep` in the sandbox sleeps, sorted.
    async fn sleeping(&self) -> Vec<String> {
        let list = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null";
        let list = self.cmd(list).await.stdout;
        let mut found: Vec<String> = list
            .lines()
            .filter_map(|line| Some(line.strip_prefix("sleep ")?.trim().to_owned()))
            .collect();
        found.sort();
        found
    }
}

/// What a program says in each language, for rules that are the same in all.
struct Language {
    runtime: &'static str,
    /// Sets the variable `x` to 42.
    set: &'static str,
    /// Prints `x`.
    get: &'static str,
    /// Declares `x` again, with the value 43.
    set_again: &'static str,
    /// Changes nothing and fails with `boom`.
    fail: &'static str,
    /// Ends the interpreter with 7.
    exit: &'static str,
    /// Runs for ever.
    hang: &'static str,
    /// Prints all of standard input.
    input: &'static str,
    /// Prints the variable `KEY` of the environment, or an empty line.
    environment: &'static str,
    /// Changes to the new directory `d`.
    enter: &'static str,
    /// Prints the working directory.
    directory: &'static str,
    /// Prints `part` without a newline, then `é` to standard error.
    unfinished: &'static str,
    /// Prints 3 MB of `y`.
    large: &'static str,
    /// Writes `kept` to the file `/sandbox/kept`.
    write: &'static str,
}

const LANGUAGES: [Language; 5] = [
    Language {
        runtime: "python",
        set: "x = 42",
        get: "print(x)",
        set_again: "x = 43",
        fail: "raise RuntimeError('boom')",
        exit: "import sys; sys.exit(7)",
        hang: "while True: pass",
        input: "import sys; print(sys.stdin.read())",
        environment: "import os; print(os.environ.get('KEY', ''))",
        enter: "import os; os.mkdir('d'); os.chdir('d')",
        directory: "import os; print(os.getcwd())",
        unfinished: "import sys; print('part', end=''); print('\u{e9}', end='', file=sys.stderr)",
        large: "print('y' * 3_000_000)",
        write: "open('/sandbox/kept', 'w').write('kept')",
    },
    Language {
        runtime: "node",
        set: "const x = 42;",
        get: "console.log(x)",
        set_again: "const x = 43;",
        fail: "throw new Error('boom')",
        exit: "process.exit(7)",
        hang: "for (;;);",
        input: "let all = ''; for await (const c of process.stdin) all += c; console.log(all)",
        environment: "console.log(process.env.KEY ?? '')",
        enter: "require('fs').mkdirSync('d'); process.chdir('d')",
        directory: "console.log(process.cwd())",
        unfinished: "process.stdout.write('part'); process.stderr.write('\u{e9}')",
        large: "console.log('y'.repeat(3_000_000))",
        write: "require('fs').writeFileSync('/sandbox/kept', 'kept')",
    },
    Language {
        runtime: "bun",
        set: "const x: number = 42;",
        get: "console.log(x as number)",
        set_again: "const x = 43;",
        fail: "throw new Error('boom')",
        exit: "process.exit(7)",
        hang: "for (;;);",
        input: "console.log(await Bun.stdin.text())",
        environment: "console.log(process.env.KEY ?? '')",
        enter: "import { mkdirSync } from 'fs'; mkdirSync('d'); process.chdir('d')",
        directory: "console.log(process.cwd())",
        unfinished: "process.stdout.write('part'); process.stderr.write('\u{e9}')",
        large: "console.log('y'.repeat(3_000_000))",
        write: "await Bun.write('/sandbox/kept', 'kept')",
    },
    Language {
        runtime: "deno",
        set: "const x: number = 42;",
        get: "console.log(x as number)",
        set_again: "const x = 43;",
        fail: "throw new Error('boom')",
        exit: "Deno.exit(7)",
        hang: "for (;;);",
        input: "console.log(await new Response(Deno.stdin.readable).text())",
        environment: "console.log(Deno.env.get('KEY') ?? '')",
        enter: "Deno.mkdirSync('d'); Deno.chdir('d')",
        directory: "console.log(Deno.cwd())",
        unfinished: "const e = new TextEncoder(); Deno.stdout.writeSync(e.encode('part')); \
                     Deno.stderr.writeSync(e.encode('\u{e9}'))",
        large: "console.log('y'.repeat(3_000_000))",
        write: "Deno.writeTextFileSync('/sandbox/kept', 'kept')",
    },
    Language {
        runtime: "bash",
        set: "x=42",
        get: "echo $x",
        set_again: "x=43",
        fail: "echo boom >&2; (exit 1)",
        exit: "exit 7",
        hang: "while :; do :; done",
        input: "cat; echo",
        environment: "echo \"$KEY\"",
        enter: "mkdir d; cd d",
        directory: "pwd",
        unfinished: "printf part; printf '\u{e9}' >&2",
        large: "head -c 3000000 /dev/zero | tr '\\0' y",
        write: "printf kept >/sandbox/kept",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_lives_until_its_interpreter_ends_and_files_longer() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::new(runtime);
        session.says(language.set).await;
        assert_eq!(session.says(language.get).await, "42", "{runtime}");

        let failed = session.run(language.fail).await;
        assert_eq!(failed.exit_code, 1, "{runtime} {failed:?}");
        assert!(failed.stderr.contains("boom"), "{runtime} {failed:?}");
        assert!(!failed.stderr.contains(".isol8"), "{runtime} {failed:?}");
        assert_eq!(session.says(language.get).await, "42", "{runtime}");

        session.says(language.set_again).await;
        assert_eq!(session.says(language.get).await, "43", "{runtime}");

        session.says(language.write).await;
        assert_eq!(session.run(language.exit).await.exit_code, 7, "{runtime}");
        assert_ne!(session.run(language.get).await.stdout, "43", "{runtime}");
        assert_eq!(session.cmd("cat kept").await.stdout, "kept", "{runtime}");

        session.says(language.set).await;
        let late = session
            .run_with(language.hang, json!({"timeoutMs": 700}))
            .await;
        assert_eq!(late.exit_code, 137, "{runtime}");
        assert!(
            late.stderr.ends_with("--- EXECUTION TIMED OUT ---"),
            "{runtime} {late:?}"
        );
        assert_ne!(session.run(language.get).await.stdout, "42", "{runtime}");
        assert_eq!(session.cmd("cat kept").await.stdout, "kept", "{runtime}");
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn input_environment_and_a_given_directory_are_the_calls_own() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::new(runtime);
        for text in ["first", "", "second \u{e9}"] {
            let result = session
                .run_with(language.input, json!({"stdin": text}))
                .await;
            assert_eq!(
                (result.stdout.as_str(), result.exit_code),
                (text, 0),
                "{runtime} {result:?}"
            );
        }
        // Larger than a request, and not read: the next call does not find it.
        let unread = json!({"stdin": "u".repeat(600_000)});
        assert_eq!(
            session
                .run_with(language.set, unread.clone())
                .await
                .exit_code,
            0,
            "{runtime}"
        );
        assert_eq!(session.says(language.input).await, "", "{runtime}");
        let read = session.run_with(language.input, unread).await;
        assert_eq!(read.stdout.len(), 600_000, "{runtime} {}", read.stderr);

        let env = json!({"env": {"KEY": "a 'b\"\nc\u{e9}"}});
        let result = session.run_with(language.environment, env).await;
        assert_eq!(result.stdout, "a 'b\"\nc\u{e9}", "{runtime}");
        assert_eq!(session.says(language.environment).await, "", "{runtime}");

        session.says(language.enter).await;
        assert_eq!(
            session.says(language.directory).await,
            "/sandbox/d",
            "{runtime}"
        );
        let elsewhere = json!({"workdir": "new/e f"});
        let result = session.run_with(language.directory, elsewhere).await;
        assert_eq!(result.stdout, "/sandbox/new/e f", "{runtime} {result:?}");
        assert_eq!(
            session.says(language.directory).await,
            "/sandbox/d",
            "{runtime}"
        );
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_whole_limited_and_the_same_when_streamed() {
    for language in &LANGUAGES {
        let runtime = language.runtime;
        let session = Session::with(runtime, json!({"maxOutputSize": 100_000}));
        let result = session.run(language.unfinished).await;
        assert_eq!(
            (result.stdout.as_str(), result.stderr.as_str()),
            ("part", "\u{e9}"),
            "{runtime}"
        );
        let large = session.run(language.large).await;
        assert!(large.truncated, "{runtime}");
        assert!(
            large.stdout.contains("--- OUTPUT TRUNCATED (30000"),
            "{runtime}"
        );
        // The count is each call's own.
        let small = session.run(language.unfinished).await;
        assert_eq!(
            (small.stdout.as_str(), small.truncated),
            ("part", false),
            "{runtime}"
        );

        for code in [language.unfinished, language.fail, language.large] {
            let collected = session.run(code).await;
            let mut stream = session.engine.stream(session.request(code, &json!({})));
            let (mut stdout, mut stderr, mut exit) = (String::new(), String::new(), String::new());
            while let Some(event) = stream.recv().await {
                match serde_json::to_value(&event).unwrap()["type"]
                    .as_str()
                    .unwrap()
                {
                    "stdout" => stdout.push_str(&event.data),
                    "stderr" => stderr.push_str(&event.data),
                    "exit" => exit = event.data,
                    other => panic!("{other}"),
                }
            }
            let streamed = (stdout.trim_end(), stderr.trim_end(), exit);
            let code = collected.exit_code.to_string();
            assert_eq!(
                streamed,
                (&*collected.stdout, &*collected.stderr, code),
                "{runtime}"
            );
        }
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_keeps_what_a_program_leaves() {
    let session = Session::new("python");
    session
        .says("import math, os\nx = 42\ndef f(n): return n + x\nclass C:\n  v = 1")
        .await;
    assert_eq!(
        session.says("print(x, f(1), C().v, math.floor(2.5))").await,
        "42 43 1 2"
    );
    session.says("x = 1").await;
    assert_eq!(session.says("print(f(1))").await, "2");
    let facts = "import sys; print(__name__, __file__, sys.argv, sys.path[0], __spec__)";
    let expected = "__main__ /sandbox/main.py ['/sandbox/main.py'] /sandbox None";
    assert_eq!(session.says(facts).await, expected);
    let failed = session.run("def g():\n  return 1 / 0\ng()").await;
    let expected = "Traceback (most recent call last):\n  File \"/sandbox/main.py\", line 3, in <module>\n    \
                    g()\n  File \"/sandbox/main.py\", line 2, in g\n    return 1 / 0\n           \
                    ~~^~~\nZeroDivisionError: division by zero";
    assert_eq!(failed.stderr, expected);
    let failed = session.run("x = = 1").await;
    assert!(
        failed
            .stderr
            .starts_with("  File \"/sandbox/main.py\", line 1\n    x = = 1"),
        "{failed:?}"
    );
    let interrupt = "import os, signal; os.kill(os.getpid(), signal.SIGINT)";
    let interrupted = session.run(interrupt).await;
    assert_eq!(interrupted.exit_code, 130);
    assert!(
        interrupted.stderr.ends_with("KeyboardInterrupt"),
        "{interrupted:?}"
    );
    let failed = session.run("input()").await;
    assert!(
        failed.stderr.ends_with("EOFError: EOF when reading a line"),
        "{failed:?}"
    );
    assert_eq!(session.says("print(f(1))").await, "2");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_threads_processes_and_forks_finish_within_their_call() {
    let session = Session::new("python");
    let threads = "import threading, time\ndef late():\n  time.sleep(0.1); print('late')\n\
                   threading.Thread(target=late).start()";
    assert_eq!(session.says(threads).await, "late");
    let pool = "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\n\
                pool.submit(late)\nNone";
    assert_eq!(session.says(pool).await, "late");
    assert_eq!(session.says("pool.submit(late); print(1)").await, "1\nlate");
    let child = "import subprocess; subprocess.run(['echo', 'child'])";
    assert_eq!(session.says(child).await, "child");
    let fork =
        "import os\nif os.fork() == 0:\n  print('fork')\nelse:\n  os.wait(); print('parent')";
    assert_eq!(session.says(fork).await, "fork\nparent");
    assert_eq!(session.says("print('still one')").await, "still one");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_keeps_what_a_program_leaves() {
    let session = Session::new("node");
    let first = "import os from 'os'; import { readFileSync as read } from 'fs';\n\
                 const fs = require('fs'); let n = 1; var v = 2; class C { w = 3 }\n\
                 function f() { return n + v } const { a, b: [c], ...rest } = { a: 4, b: [5], d: 6 };\n\
                 for (var i = 0; i < 3; i++); export const e = 7;\nconst g = () => n";
    session.says(first).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn bash_keeps_what_a_program_leaves() {
    let session = Session::new("bash");
    session
        .says("x=42; f() { echo f$1$x; }; declare -A m=([a]=1); mkdir d; cd d")
        .await;
    assert_eq!(
        session.says("echo $x ${m[a]} $PWD; f 1").await,
        "42 1 /sandbox/d\nf142"
    );
    session
        .says("shopt -s expand_aliases; alias hi='echo aliased'")
        .await;
    assert_eq!(session.says("hi").await, "aliased");
    assert_eq!(
        session.says("echo $0 ${BASH_SOURCE[0]}").await,
        "/sandbox/main.sh /sandbox/main.sh"
    );
    assert_eq!(session.run("false").await.exit_code, 1);
    let missing = session.run("nosuchcommand").await;
    assert_eq!(missing.exit_code, 127);
    assert_eq!(
        missing.stderr,
        "/sandbox/main.sh: line 1: nosuchcommand: command not found"
    );
    let broken = session.run("if").await;
    assert_ne!(broken.exit_code, 0);
    assert!(
        broken.stderr.starts_with("/sandbox/main.sh: line "),
        "{broken:?}"
    );
    assert_eq!(
        session
            .says("set -u; shopt -s nullglob; IFS=:; echo $x")
            .await,
        "42"
    );
    assert_eq!(
        session
            .says("break 2>/dev/null; echo $x; ls /proc/self/fd")
            .await,
        "42\n0\n1\n2\n3"
    );
    let traced = session.run("set -x; echo 1").await;
    assert_eq!(
        (traced.stdout.as_str(), traced.stderr.as_str()),
        ("1", "++ echo 1")
    );
    let ended = session.run("set -e; false; echo never").await;
    assert_eq!((ended.exit_code, ended.stdout.as_str()), (1, ""));
    assert_eq!(session.says("echo ${x-fresh}").await, "fresh");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_calls_run_each_their_own_program_in_order() {
    let session = Session::new("python");
    session.says("seen = []").await;
    let codes: Vec<String> = (0..8)
        .map(|n| format!("seen.append({n}); print({n})"))
        .collect();
    let calls = codes.iter().map(|code| session.says(code));
    let said = futures::future::join_all(calls).await;
    assert_eq!(said, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(
        session.says("print(seen)").await,
        "[0, 1, 2, 3, 4, 5, 6, 7]"
    );
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_beside_the_interpreter_and_services_outlive_a_timeout() {
    let session = Session::new("python");
    session.says("x = 42").await;
    assert_eq!(
        session.cmd("sleep 300 & echo started").await.stdout,
        "started"
    );
    session
        .says("import subprocess; p = subprocess.Popen(['sleep', '301'])")
        .await;
    assert_eq!(session.sleeping().await, ["300", "301"]);
    let late = session.cmd("exit 3").await;
    assert_eq!(late.exit_code, 3);
    let late = session
        .run_with("", json!({"cmd": "sleep 302", "timeoutMs": 300}))
        .await;
    assert_eq!(late.exit_code, 137);
    assert_eq!(session.says("print(x)").await, "42");
    let late = session
        .run_with("while True: pass", json!({"timeoutMs": 300}))
        .await;
    assert_eq!(late.exit_code, 137);
    // What the session had started went with it, what the command had started did not.
    assert_eq!(session.sleeping().await, ["300"]);
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_between_two_calls_comes_with_the_next() {
    let session = Session::new("bash");
    assert_eq!(
        session
            .says("(sleep 0.2; echo background) & echo now")
            .await,
        "now"
    );
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(session.says("echo next").await, "background\nnext");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_other_than_the_own_is_a_process_of_its_own() {
    let session = Session::new("node");
    session.says("globalThis.x = 42").await;
    let other = json!({"fileExtension": ".mjs"});
    let result = session
        .run_with("console.log(typeof x, import.meta.filename)", other)
        .await;
    assert_eq!(result.stdout, "undefined /sandbox/main.mjs", "{result:?}");
    let own = session
        .run_with("console.log(x)", json!({"fileExtension": ".js"}))
        .await;
    assert_eq!(own.stdout, "42", "{own:?}");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_there_in_every_call_and_masked_in_its_output() {
    for language in &LANGUAGES {
        let session = Session::with(language.runtime, json!({"secrets": {"KEY": "hush-hush"}}));
        for _ in 0..2 {
            assert_eq!(
                session.says(language.environment).await,
                "***",
                "{}",
                language.runtime
            );
        }
        session.engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_in_before_and_come_out_after_a_call() {
    let session = Session::new("python");
    for text in ["one", "two \u{e9}"] {
        let more =
            json!({"files": {"/sandbox/in/a b": text}, "outputPaths": ["/sandbox/out", "/no"]});
        let code = "import shutil; shutil.copy('/sandbox/in/a b', '/sandbox/out')";
        let files = session.run_with(code, more).await.files.unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(
            session.engine.get_file("/sandbox/out").await.unwrap(),
            text.as_bytes()
        );
    }
    // A program larger than what travels within a request.
    let code = format!("s = '{}'\nprint(len(s))", "z".repeat(400_000));
    assert_eq!(session.says(&code).await, "400000");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_ends_the_interpreter_and_the_next_is_served() {
    let session = Session::new("python");
    session.says("x = 42").await;
    let cancel = CancellationToken::new();
    let request = session.request("import time; time.sleep(60)", &json!({}));
    let (cancelled, ()) = tokio::join!(session.engine.execute(request, cancel.clone()), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        cancel.cancel();
    });
    assert!(cancelled.is_err());
    assert_eq!(session.says("print('x' in globals())").await, "False");
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_runtime_is_refused() {
    let session = Session::new("python");
    session.says("x = 42").await;
    let request = serde_json::from_value(json!({"runtime": "bash", "code": "echo"})).unwrap();
    let error = session
        .engine
        .execute(request, CancellationToken::new())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Cannot switch runtime from \"python\" to \"bash\".")
    );
    session.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_installed_during_a_session_are_found() {
    for (runtime, package, code, printed) in [
        ("python", "six", "import six; print(six.PY3)", "True"),
        (
            "node",
            "ms",
            "import ms from 'ms'; console.log(ms('1s'))",
            "1000",
        ),
        (
            "bun",
            "ms",
            "import ms from 'ms'; console.log(ms('1s'))",
            "1000",
        ),
        (
            "deno",
            "npm:ms@2",
            "import ms from 'npm:ms@2'; console.log(ms('1s'))",
            "1000",
        ),
    ] {
        let session = Session::with(runtime, json!({"network": "host"}));
        // What was looked for in vain is looked for again. (Bun would fetch it by itself.)
        let (before, failure) = match runtime {
            "python" => ("x = 1\nimport six", 1),
            "bun" => ("var x = 1", 0),
            _ => ("var x = 1; require('ms')", 1),
        };
        assert_eq!(session.run(before).await.exit_code, failure, "{runtime}");
        let more = json!({"installPackages": [package], "timeoutMs": 120_000});
        let result = session.run_with(code, more).await;
        assert_eq!(result.stdout, printed, "{runtime} {result:?}");
        let kept = if runtime == "python" {
            "print(x)"
        } else {
            "console.log(x)"
        };
        assert_eq!(session.says(kept).await, "1", "{runtime}");
        session.engine.stop().await;
    }
}
