//! A run leaves nothing for the next one, not even when the interpreter of the next one was started before the
//! first run was over.

use std::collections::{BTreeMap, BTreeSet};

use isol8_api::{options::RawOptions, result::ExecutionResult};
use isol8_docker::DockerAddress;
use isol8_engine::{Engine, options::Options};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::common::{engine_on, start_options};

use super::{ATTEMPTS, PAUSE};

/// All random values that an interpreter may have drawn before it was parked.
const RANDOM: [(&str, &str); 4] = [
    (
        "python",
        "import os, random, secrets, tempfile, uuid
print(*map(repr, [hash('x'), hash(b'y'), random.random(), random.Random().random(), os.urandom(8),
    secrets.token_hex(8), uuid.uuid4().hex, tempfile.mktemp()]), sep='\\n')",
    ),
    (
        "node",
        "const c = require('crypto'), v = require('vm')
for (const x of [Math.random(), v.runInNewContext('Math.random()'), c.randomUUID(), c.randomBytes(8).toString('hex'),
  crypto.getRandomValues(new Uint32Array(4)).join(), c.webcrypto.randomUUID(), require('fs').mkdtempSync('/tmp/x')]) console.log(x)",
    ),
    (
        "bun",
        "for (const x of [Math.random(), crypto.randomUUID(), crypto.getRandomValues(new Uint32Array(4)).join(),
  Bun.randomUUIDv7(), require('crypto').randomBytes(8).toString('hex'), require('fs').mkdtempSync('/tmp/x')]) console.log(x)",
    ),
    (
        "deno",
        "import c from 'node:crypto'
for (const x of [Math.random(), crypto.randomUUID(), crypto.getRandomValues(new Uint32Array(4)).join(),
  c.randomBytes(8).toString('hex'), Deno.makeTempDirSync()]) console.log(x)",
    ),
];

/// Attempts of a run to influence the next run. Each is a Bash command in a sandbox whose interpreter is
/// parked.
const TOUCHES: [(&str, &str); 9] = [
    ("killed", "kill -KILL -1"),
    ("stopped", "kill -STOP -1"),
    ("interrupted", "trap '' INT; kill -INT -1; kill -USR1 -1; kill -TERM -1"),
    (
        "stopped by one that stays",
        "(setsid bash -c 'trap \"\" TERM INT HUP; for ((;;)) do for p in /proc/[0-9]*; do
            p=${p#/proc/}; [ $p = $$ ] || kill -STOP $p; done; done' >/dev/null 2>&1 &) 2>/dev/null; sleep .3",
    ),
    (
        "renamed",
        "for p in /proc/[0-9]*; do echo renamed >$p/comm; for t in $p/task/*; do echo renamed >$t/comm; done; done 2>/dev/null",
    ),
    (
        "made nice, small and unlikely to live",
        "for p in /proc/[0-9]*; do p=${p#/proc/}; renice -n 9 -p $p; prlimit -p $p --nofile=9 --fsize=1; \
         taskset -pc 0 $p; ionice -c3 -p $p; echo 900 >/proc/$p/oom_score_adj; done >/dev/null 2>&1",
    ),
    (
        "written to",
        "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || for f in 0 1 2 3 4 5 6 7 8 9; do \
         timeout 1 bash -c \"head -c 99 /dev/zero >$p/fd/$f\"; done; done 2>/dev/null",
    ),
    (
        "traced",
        "type strace gdb 2>/dev/null; for p in /proc/[0-9]*; do : <$p/mem; : >$p/mem; cat $p/environ $p/maps; done >/dev/null 2>&1",
    ),
    (
        "robbed of its files",
        "rm -rf /sandbox/* /sandbox/.[a-z]* /tmp/*; mkdir -p /sandbox/main.py /sandbox/main.js /sandbox/main.ts /sandbox/main.mts \
         /sandbox/bunfig.toml; ln -s /etc/passwd /tmp/x; export LEFT=1; umask 0; cd /tmp; chmod 0 /sandbox",
    ),
];

/// A program that prints its own state and its surroundings.
const PROBES: [(&str, &str); 4] = [
    (
        "python",
        "import os, re, resource, signal, subprocess, sys, threading
print(sorted(os.environ.items()), sys.argv, sys.path, list(sys.modules), os.getcwd())
print(sorted(os.listdir('/proc/self/fd')), os.listdir('/sandbox'), os.listdir('/tmp'), os.listdir('/dev/shm'))
print(os.nice(0), sorted(os.sched_getaffinity(0)), os.umask(0), open('/proc/self/oom_score_adj').read(), open('/proc/self/comm').read())
print([resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith('RLIMIT')])
print([l for l in open('/proc/self/status') if re.match('Name|State|TracerPid|Threads|Sig[BIC]|Shd', l)], len([p for p in os.listdir('/proc') if p.isdigit()]))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), [signal.getsignal(n) for n in (2, 10, 15)], threading.active_count(), repr(sys.stdin.read()))",
    ),
    (
        "node",
        "const fs = require('fs')
console.log(process.env, process.argv, process.execArgv, process.cwd(), Object.keys(require.cache), process.title, process.eventNames())
console.log(fs.readdirSync('/proc/self/fd').length, fs.readdirSync('/sandbox'), fs.readdirSync('/tmp'), fs.readdirSync('/dev/shm'))
console.log(require('os').getPriority(), process.umask(), fs.readFileSync('/proc/self/limits', 'latin1'), fs.readFileSync('/proc/self/oom_score_adj', 'latin1'))
console.log(fs.readFileSync('/proc/self/status', 'latin1').match(/^(Name|TracerPid|Sig[BIC]|Shd|Cpus).*$/gm), fs.readdirSync('/proc').filter((n) => /^\\d/.test(n)).length)
console.log(JSON.stringify(fs.readFileSync(0, 'latin1')))",
    ),
    (
        "bun",
        "const fs = require('fs')
console.log(process.env, process.argv, process.execArgv, process.cwd(), Object.keys(require.cache), process.title, process.eventNames())
console.log(fs.readdirSync('/proc/self/fd').length, fs.readdirSync('/sandbox'), fs.readdirSync('/tmp'), fs.readdirSync('/dev/shm'))
console.log(require('os').getPriority(), process.umask(), fs.readFileSync('/proc/self/limits', 'latin1'), fs.readFileSync('/proc/self/oom_score_adj', 'latin1'))
console.log(fs.readFileSync('/proc/self/status', 'latin1').match(/^(Name|TracerPid|Cpus).*$/gm), fs.readdirSync('/proc').filter((n: string) => /^\\d/.test(n)).length)
console.log(JSON.stringify(await Bun.stdin.text()))",
    ),
    (
        "deno",
        "import process from 'node:process'
console.log(Object.entries(Deno.env.toObject()).sort(), Deno.args, process.argv, process.execArgv, Deno.cwd(), process.eventNames())
console.log([...Deno.readDirSync('/sandbox')].map((e) => e.name), [...Deno.readDirSync('/tmp')].map((e) => e.name), Deno.mainModule)
console.log(JSON.stringify(await new Response(Deno.stdin.readable).text()))",
    ),
];

/// An engine with as few sandboxes as possible, whose interpreter is parked.
async fn engine(runtime: &str) -> Engine {
    let raw: RawOptions = serde_json::from_value(json!({
        "poolSize": {"clean": 1, "dirty": 1}, "pidsLimit": 64, "timeoutMs": 20_000,
    }))
    .unwrap();
    let options = Options::try_from(raw).unwrap();
    let engine = engine_on(DockerAddress::default(), options, 1).unwrap();
    let prewarm = start_options(json!({"prewarm": {"runtimes": [runtime]}}));
    engine.start(&prewarm).await.unwrap();
    engine
}

async fn run(engine: &Engine, request: Value) -> ExecutionResult {
    engine
        .execute(crate::common::request(request), CancellationToken::new())
        .await
        .unwrap()
}

/// The output of a run, without the name of its container.
fn told(result: &ExecutionResult) -> String {
    let text = format!("{}\n{}{}", result.exit_code, result.stdout, result.stderr);
    let container = result.container_id.as_deref().unwrap();
    text.replace(&container[..12], "HOSTNAME")
}

/// Runs a program in a parked interpreter, waiting until there is one.
async fn run_parked(engine: &Engine, runtime: &str, code: &str) -> ExecutionResult {
    for attempt in 1..=ATTEMPTS {
        tokio::time::sleep(PAUSE * attempt).await;
        let before = engine.parked_executions();
        let result = run(engine, json!({"runtime": runtime, "code": code})).await;
        if engine.parked_executions() > before {
            return result;
        }
    }
    panic!("{runtime}: never parked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_random_differs_from_run_to_run() {
    for (runtime, code) in RANDOM {
        let engine = engine(runtime).await;
        let mut seen = BTreeSet::new();
        for _ in 0..4 {
            let result = run_parked(&engine, runtime, code).await;
            assert_eq!(result.exit_code, 0, "{}", result.stderr);
            for line in result.stdout.lines() {
                assert!(seen.insert(line.to_owned()), "{runtime}: {line} again");
            }
        }
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_run_can_do_anything_to_the_interpreter_of_the_next() {
    for (runtime, probe) in PROBES {
        let engine = engine(runtime).await;
        let mut found = BTreeMap::new();
        let first = run_parked(&engine, runtime, probe).await;
        assert_eq!(first.exit_code, 0, "{}", first.stderr);
        let whole = told(&first);
        let mut again = 0;
        for (what, command) in TOUCHES {
            let command = json!({"runtime": runtime, "cmd": command, "timeoutMs": 8000});
            let touched = run(&engine, command).await;
            for _ in 0..2 {
                let result = run_parked(&engine, runtime, probe).await;
                again += u32::from(result.container_id == touched.container_id);
                found.entry(told(&result)).or_insert(what);
            }
        }
        found.remove(&whole);
        assert!(
            found.is_empty(),
            "{runtime} at first: {whole}\nthen: {found:#?}"
        );
        assert!(again > 4, "{runtime}: no sandbox was used again");
        engine.stop().await;
    }
}
