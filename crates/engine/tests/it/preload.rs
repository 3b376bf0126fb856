//! Modules that parked interpreters import ahead of their programs.

use crate::common::*;

use std::time::Duration;

use isol8_api::result::ExecutionResult;
use isol8_engine::Engine;

/// How often a program is run until its run took a parked interpreter, each time after a longer pause.
const ATTEMPTS: u32 = 20;

async fn start(engine: &Engine, prewarm: Value) {
    let options = start_options(json!({ "prewarm": prewarm }));
    engine.start(&options).await.unwrap();
}

/// A run that took a parked interpreter.
async fn parked_run(engine: &Engine, value: &Value) -> ExecutionResult {
    for attempt in 1..=ATTEMPTS {
        let before = engine.parked_executions();
        let result = run(engine, value.clone()).await.unwrap();
        if engine.parked_executions() > before {
            return result;
        }
        tokio::time::sleep(Duration::from_millis(100) * attempt).await;
    }
    panic!("no run took a parked interpreter");
}

/// Standard output of a run that took a parked interpreter.
async fn parked_stdout(engine: &Engine, value: Value) -> String {
    succeeded(parked_run(engine, &value).await)
}

const LOADED: &str = "import sys; print([name in sys.modules for name in ('decimal', 'wave')])";

#[tokio::test(flavor = "multi_thread")]
async fn modules_are_there_before_the_program_in_every_runtime() {
    let node = "console.log(process.moduleLoadList.includes('NativeModule dgram'))";
    for (runtime, module, code, expected) in [
        ("python", "decimal", LOADED, "[True, False]"),
        ("node", "node:dgram", node, "true"),
        ("bun", "node:dgram", "console.log('ran')", "ran"),
        ("deno", "node:dgram", "console.log('ran')", "ran"),
    ] {
        let engine = engine(json!({ "preload": { runtime: [module] } }));
        start(&engine, json!({ "runtimes": [runtime] })).await;
        let request = json!({ "runtime": runtime, "code": code });
        assert_eq!(parked_stdout(&engine, request).await, expected, "{runtime}");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_names_modules_from_then_on() {
    let engine = engine(json!({}));
    let request = json!({ "runtime": "python", "code": LOADED });
    start(&engine, json!({ "runtimes": ["python"] })).await;
    assert_eq!(
        parked_stdout(&engine, request.clone()).await,
        "[False, False]"
    );
    let preload = json!({ "python": ["decimal"] });
    start(
        &engine,
        json!({ "runtimes": ["python"], "preload": preload }),
    )
    .await;
    assert_eq!(parked_stdout(&engine, request).await, "[True, False]");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_cannot_be_imported_is_left_out() {
    for (runtime, modules, code, expected) in [
        (
            "python",
            json!(["no_such_module", "decimal"]),
            LOADED,
            "[True, False]",
        ),
        ("node", json!(["no-such-module"]), "console.log(1)", "1"),
        ("bun", json!(["no-such-module"]), "console.log(1)", "1"),
        ("deno", json!(["npm:no-such-module"]), "console.log(1)", "1"),
    ] {
        let engine = engine(json!({ "preload": { runtime: modules } }));
        start(&engine, json!({ "runtimes": [runtime] })).await;
        let request = json!({ "runtime": runtime, "code": code });
        assert_eq!(parked_stdout(&engine, request).await, expected, "{runtime}");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_program_does_to_a_module_the_next_does_not_see() {
    let engine = engine(json!({ "preload": { "python": ["json", "random", "decimal"] } }));
    start(&engine, json!({ "runtimes": ["python"] })).await;
    let code = "import json, random, decimal, os\n\
        print(hasattr(json, 'mark'), decimal.getcontext().prec, os.environ.get('MARK'))\n\
        json.mark = os.environ['MARK'] = 'x'\ndecimal.getcontext().prec = 5\n\
        print(random.random(), os.urandom(4).hex())";
    let request = json!({ "runtime": "python", "code": code });
    let mut random = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let output = parked_stdout(&engine, request.clone()).await;
        let (seen, numbers) = output.split_once('\n').unwrap();
        assert_eq!(seen, "False 28 None");
        random.insert(numbers.to_owned());
    }
    assert_eq!(random.len(), 4, "{random:?}");
    engine.stop().await;
}

/// The end of a program is shortened. A program that asks for a part of its end still gets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_as_it_would_without() {
    let code = "import atexit, decimal, gc, logging, sys, threading, time, weakref\n\
        class Last:\n    def __init__(self, name): self.name = name\n\
        \x20   def __del__(self):\n        import decimal; print('del', self.name, decimal.Decimal(1))\n\
        gone = Last('cycle'); gone.self = gone; del gone\n\
        kept = Last('global')\n\
        atexit.register(print, 'atexit', decimal.Decimal('1.5'))\n\
        weakref.finalize(kept, print, 'finalized')\n\
        threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n\
        file = open('/sandbox/left', 'w'); file.write('unflushed')\n\
        print('end'); sys.exit(3)";
    let address = regex::Regex::new("0x[0-9a-f]+").unwrap();
    let mut outcomes = Vec::new();
    for preload in [json!({}), json!({ "python": ["decimal", "logging"] })] {
        let engine = engine(json!({ "preload": preload }));
        start(&engine, json!({ "runtimes": ["python"] })).await;
        let request =
            json!({ "runtime": "python", "code": code, "outputPaths": ["/sandbox/left"] });
        let result = run(&engine, request).await.unwrap();
        outcomes.push((
            result.stdout,
            address.replace_all(&result.stderr, "0x").into_owned(),
            result.exit_code,
            format!("{:?}", result.files),
        ));
        engine.stop().await;
    }
    assert_eq!(outcomes[0].2, 3);
    assert_eq!(outcomes[0], outcomes[1]);
}

/// What a process can find out about itself and others about it, without what differs from run to run.
const SELF: &str = "import os, resource, signal\n\
    def text(name):\n    with open(name) as file: return file.read()\n\
    status = dict(line.split(':\\t') for line in text('/proc/self/status').splitlines() if ':\\t' in line)\n\
    print([status.get(name) for name in ('Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd',\n\
    \x20   'CapAmb', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters', 'SigBlk', 'SigIgn', 'SigCgt', 'Threads', 'Umask', 'TracerPid')])\n\
    print(os.getppid(), os.getsid(0) == os.getpid() == os.getpgrp(), os.getcwd(), sorted(os.environ))\n\
    print([(fd, os.readlink(f'/proc/self/fd/{fd}').split(':')[0]) for fd in range(12)\n\
    \x20   if os.path.islink(f'/proc/self/fd/{fd}')])\n\
    print(len(text('/proc/self/environ')) > 0, len(text('/proc/self/maps')) > 0, text('/proc/self/oom_score_adj'))\n\
    print([resource.getrlimit(kind) for kind in range(10)], [os.fstat(fd).st_uid for fd in range(3)])\n\
    print(os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), signal.getsignal(signal.SIGINT).__name__)\n\
    os.kill(os.getpid(), 0); print(os.getresuid(), os.getgroups())\n";

/// The nursery as a program sees it: its user ids, and what the program may do to it.
///
/// A process that has forked an interpreter from it may not have ended yet. The program waits for that.
const NURSERY: &str = "import os, time\n\
    while len(list(filter(str.isdigit, os.listdir('/proc')))) > 3: time.sleep(0.001)\n\
    for name in filter(str.isdigit, os.listdir('/proc')):\n\
    \x20   pid = int(name)\n\
    \x20   if pid in (1, os.getpid()): continue\n\
    \x20   status = open(f'/proc/{pid}/status').read()\n\
    \x20   print(pid, status.split('Uid:')[1].split()[:4], 'CapPrm:\\t0000000000000080' in status)\n\
    \x20   for attempt in (lambda: os.kill(pid, 0), lambda: os.kill(pid, 9),\n\
    \x20       lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: os.sched_setaffinity(pid, {0}),\n\
    \x20       lambda: open(f'/proc/{pid}/mem', 'rb'), lambda: open(f'/proc/{pid}/environ').read(),\n\
    \x20       lambda: open(f'/proc/{pid}/oom_score_adj', 'w').write('1000'), lambda: os.listdir(f'/proc/{pid}/fd'),\n\
    \x20       lambda: os.readlink(f'/proc/{pid}/cwd')):\n\
    \x20       try: attempt()\n\
    \x20       except PermissionError: continue\n\
    \x20       print('allowed')\n\
    try: os.kill(-1, 9)\n\
    except OSError: pass";

#[tokio::test(flavor = "multi_thread")]
async fn a_forked_interpreter_is_what_a_started_one_is() {
    let mut outcomes = Vec::new();
    for preload in [json!({}), json!({ "python": ["resource", "signal"] })] {
        let engine = engine(json!({ "preload": preload, "secrets": { "A_SECRET": "x" } }));
        start(&engine, json!({ "runtimes": ["python"] })).await;
        let request = json!({ "runtime": "python", "code": SELF, "env": { "GIVEN": "1" } });
        outcomes.push(parked_stdout(&engine, request).await);
        engine.stop().await;
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_interpreters_are_forked_from_is_out_of_reach_and_outlives_a_run() {
    let options =
        json!({ "preload": { "python": ["decimal"] }, "poolSize": { "clean": 1, "dirty": 0 } });
    let engine = engine(options);
    start(&engine, json!({ "runtimes": ["python"] })).await;
    let request = json!({ "runtime": "python", "code": NURSERY });
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..6 {
        let result = parked_run(&engine, &request).await;
        let (pid, rest) = result
            .stdout
            .split_once(' ')
            .unwrap_or_else(|| panic!("{result:?}"));
        assert_eq!(rest, "['102', '102', '102', '102'] True", "{result:?}");
        let runs = seen
            .entry((result.container_id, pid.to_owned()))
            .or_insert(0);
        *runs += 1;
    }
    assert!(seen.values().any(|runs| *runs > 1), "{seen:?}");
    engine.stop().await;
}

/// Prints the other processes of the user. Then leaves processes that hide from lists of processes: one whose
/// first thread has ended, and one that keeps ending after it has started its successor.
const HIDING: &str = "import ctypes, os, threading, time\n\
    own = lambda name: f'/proc/{name}' if os.stat(f'/proc/{name}').st_uid == 100 else None\n\
    print([name for name in os.listdir('/proc') if name.isdigit() and own(name) and int(name) != os.getpid()])\n\
    if not os.fork():\n\
    \x20   os.setsid()\n\
    \x20   threading.Thread(target=time.sleep, args=(60,)).start()\n\
    \x20   ctypes.CDLL(None).pthread_exit(None)\n\
    if not os.fork():\n\
    \x20   while not os.fork(): pass\n\
    \x20   os._exit(0)\n\
    time.sleep(0.1)\n\
    os._exit(0)";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hides_from_a_reset_that_spares_what_interpreters_are_forked_from() {
    let options =
        json!({ "preload": { "python": ["ctypes"] }, "poolSize": { "clean": 1, "dirty": 0 } });
    let engine = engine(options);
    start(&engine, json!({ "runtimes": ["python"] })).await;
    let request = json!({ "runtime": "python", "code": HIDING });
    // After a run that took a parked interpreter there is a nursery.
    let mut spared = 0;
    for _ in 0..60 {
        let before = engine.parked_executions();
        assert_eq!(stdout(&engine, request.clone()).await, "[]");
        spared += engine.parked_executions() - before;
        if spared == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(spared, 4);
    engine.stop().await;
}
