//! The programs of the operations, in each language.

use isol8_api::result::SessionReset;

use super::{
    super::languages::LANGUAGES,
    model::{Fate, Operation, Step},
};

const SHOW_PYTHON: &str = "print(*[getattr(v, 'n', None) or (v() if callable(v) else v) \
     for v in map(lambda name: globals().get(name, '-'), ['first', 'second', 'third'])])";

const SHOW_JAVASCRIPT: &str = "console.log([() => first, () => second, () => third].map((get) => { \
     try { const v = get(); return v.n ?? (typeof v === 'function' ? v() : v) } catch { return '-' } }).join(' '))";

const SHOW_BASH: &str = "echo \"${first--} ${second--} ${third--}\"";

/// The programs of one runtime.
pub(super) struct Programs {
    runtime: &'static str,
    /// Whether its interpreter survives an interruption.
    interrupts: bool,
}

impl Programs {
    pub(super) fn of(runtime: &'static str) -> Self {
        let language = LANGUAGES.iter().find(|one| one.runtime == runtime);
        Self {
            runtime,
            interrupts: language.unwrap().interrupts,
        }
    }

    pub(super) fn runtime(&self) -> &'static str {
        self.runtime
    }

    /// Prints all variables, with `-` for those that there are not.
    pub(super) fn show(&self) -> &'static str {
        match self.runtime {
            "python" => SHOW_PYTHON,
            "bash" => SHOW_BASH,
            _ => SHOW_JAVASCRIPT,
        }
    }

    pub(super) fn code(&self, step: Step) -> String {
        match self.runtime {
            "python" => python(step),
            "bash" => bash(step),
            "deno" => deno(step),
            _ => node(step),
        }
    }

    /// The value that the variable of a step has afterwards; `None` when it sets none.
    pub(super) fn sets(&self, step: Step) -> Option<u32> {
        // A shell runs what comes before a syntax error.
        let reads_on = self.runtime == "bash" && step.operation == Operation::Broken;
        (step.operation.sets() || reads_on).then_some(step.value)
    }

    /// The exit code, when there is a result; and what becomes of the variables.
    pub(super) fn fate(&self, operation: Operation) -> (i32, Fate) {
        let exits_lose = self.runtime == "bash";
        let interrupted = |reason| {
            if self.interrupts {
                Fate::KeptOrLost(reason)
            } else {
                Fate::Lost(reason)
            }
        };
        match operation {
            Operation::Fail => (1, Fate::Kept),
            // A thread of Python that fails is no failure of its program.
            Operation::FailLate => (i32::from(self.runtime != "python"), Fate::Kept),
            Operation::Broken => (if self.runtime == "bash" { 2 } else { 1 }, Fate::Kept),
            Operation::Exit if exits_lose => (4, Fate::Lost(SessionReset::Exit)),
            Operation::Exit => (4, Fate::Kept),
            Operation::ExitAtOnce => (5, Fate::Lost(SessionReset::Exit)),
            Operation::Kill => (137, Fate::Lost(SessionReset::Crash)),
            Operation::FailAndLeave => (1, Fate::Lost(SessionReset::Exit)),
            // Deno cannot open them again.
            Operation::Close if self.runtime == "deno" => (0, Fate::Lost(SessionReset::Exit)),
            // The guest waits a second for the interpreter, and none of these needs so long.
            Operation::Abort if self.interrupts => (0, Fate::Kept),
            Operation::Abort => (0, Fate::Lost(SessionReset::Cancelled)),
            Operation::Timeout => (137, interrupted(SessionReset::Timeout)),
            _ => (0, Fate::Kept),
        }
    }
}

fn python(
    Step {
        operation,
        name,
        value,
    }: Step,
) -> String {
    let set = format!("{name} = {value}");
    match operation {
        Operation::Variable => set,
        Operation::Function => format!("def {name}(): return {value}"),
        Operation::Class => format!("class {name}: n = {value}"),
        Operation::Fail => format!("{set}\nraise ValueError('boom')"),
        Operation::FailLate => {
            format!("{set}\nimport threading\nthreading.Thread(target=lambda: 1 / 0).start()")
        }
        Operation::Broken => format!("{set}\ndef ("),
        Operation::Exit => format!("{set}\nimport sys\nsys.exit(4)"),
        Operation::ExitAtOnce => "import os\nos._exit(5)".to_owned(),
        Operation::Kill => "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)".to_owned(),
        Operation::Close => {
            "import os\nfor fd in range(256):\n try: os.close(fd)\n except OSError: pass".to_owned()
        }
        Operation::Fill => {
            "try:\n with open('/sandbox/fill', 'wb') as f:\n  while True: f.write(bytes(1 << 20))\n\
                            except OSError: pass"
                .to_owned()
        }
        Operation::Empty => {
            "import os\nos.path.exists('/sandbox/fill') and os.remove('/sandbox/fill')".to_owned()
        }
        Operation::Fork => {
            "import os\nchild = os.fork()\nif not child: os._exit(3)\nos.waitpid(child, 0)"
                .to_owned()
        }
        Operation::Later => format!(
            "import threading\ndef later():\n global {name}\n {name} = {value}\nthreading.Thread(target=later).start()"
        ),
        Operation::Abort => "print('on', flush=True)\nwhile True: pass".to_owned(),
        Operation::Timeout => "while True: pass".to_owned(),
        Operation::FailAndLeave => unreachable!(),
    }
}

/// Programs of Node and Bun: scripts in Node.
fn node(step: Step) -> String {
    match step.operation {
        Operation::ExitAtOnce => "process.reallyExit(5)".to_owned(),
        Operation::Exit => format!("var {} = {}; process.exit(4)", step.name, step.value),
        Operation::Kill => "process.kill(process.pid, 'SIGKILL'); for (;;);".to_owned(),
        Operation::Close => "for (let fd = 0; fd < 3; fd++) require('fs').closeSync(fd)".to_owned(),
        Operation::Fill => "try { for (;;) require('fs').appendFileSync('/sandbox/fill', Buffer.alloc(1 << 20)) } catch {}"
            .to_owned(),
        Operation::Empty => "require('fs').rmSync('/sandbox/fill', { force: true })".to_owned(),
        Operation::Fork => "require('child_process').spawnSync('true')".to_owned(),
        _ => javascript(step),
    }
}

fn deno(step: Step) -> String {
    match step.operation {
        Operation::ExitAtOnce => "const end = Deno.exit; end(5)".to_owned(),
        Operation::Exit => format!("var {} = {}; Deno.exit(4)", step.name, step.value),
        Operation::Close => "Deno.stdin.close(); Deno.stdout.close()".to_owned(),
        Operation::Fill => "try { for (;;) Deno.writeFileSync('/sandbox/fill', new Uint8Array(1 << 20), { append: true }) } catch {}"
            .to_owned(),
        Operation::Empty => "try { Deno.removeSync('/sandbox/fill') } catch {}".to_owned(),
        _ => javascript(step),
    }
}

fn javascript(
    Step {
        operation,
        name,
        value,
    }: Step,
) -> String {
    let kinds = ["var", "let", "const"];
    let kind = kinds[value as usize % kinds.len()];
    let set = format!("{kind} {name} = {value};");
    match operation {
        Operation::Variable => set,
        Operation::Function => format!("function {name}() {{ return {value} }}"),
        Operation::Class => format!("class {name} {{ static n = {value} }}"),
        Operation::Fail => format!("{set} throw new Error('boom')"),
        Operation::FailLate => format!("{set} setTimeout(() => {{ throw new Error('late') }}, 1)"),
        Operation::Broken => format!("{set} const = ;"),
        Operation::FailAndLeave => {
            "setInterval(() => {}, 1000); throw new Error('boom')".to_owned()
        }
        Operation::Later => format!("var {name}; setTimeout(() => {{ {name} = {value} }}, 1)"),
        Operation::Abort => "console.log('on'); for (;;);".to_owned(),
        Operation::Timeout => "for (;;);".to_owned(),
        other => unreachable!("{other:?}"),
    }
}

fn bash(
    Step {
        operation,
        name,
        value,
    }: Step,
) -> String {
    let set = format!("{name}={value}");
    match operation {
        Operation::Variable => set,
        Operation::Fail => format!("{set}; (exit 1)"),
        Operation::Broken => format!("{set}\nif"),
        Operation::Exit => format!("{set}; exit 4"),
        Operation::ExitAtOnce => "exit 5".to_owned(),
        Operation::Kill => "kill -9 $$".to_owned(),
        Operation::Close => {
            "exec 0<&- 1>&- 2>&-; for ((fd = 3; fd < 256; fd++)); do exec {fd}>&-; done".to_owned()
        }
        Operation::Fill => "head -c 64M /dev/zero >fill 2>/dev/null; true".to_owned(),
        Operation::Empty => "rm -f fill".to_owned(),
        Operation::Fork => "(exit 3) & wait".to_owned(),
        Operation::Later => format!("sleep 0 & wait; {set}"),
        Operation::Abort => "echo on; while :; do :; done".to_owned(),
        Operation::Timeout => "while :; do :; done".to_owned(),
        other => unreachable!("{other:?}"),
    }
}
