//! Programs for the rules that hold in every language, written in each language.

/// The programs of one language.
pub(crate) struct Language {
    pub(crate) runtime: &'static str,
    /// Sets the variable `x` to 42.
    pub(crate) set: &'static str,
    /// Prints `x`.
    pub(crate) get: &'static str,
    /// Declares `x` again, with the value 43.
    pub(crate) set_again: &'static str,
    /// Changes nothing and fails with `boom`.
    pub(crate) fail: &'static str,
    /// Ends the interpreter with 7, in a way that leaves no room to save its state.
    pub(crate) exit: &'static str,
    /// Runs for ever.
    pub(crate) hang: &'static str,
    /// Whether the interpreter survives a time limit.
    pub(crate) interrupts: bool,
    /// Prints all of standard input.
    pub(crate) input: &'static str,
    /// Prints the variable `KEY` of the environment, or an empty line.
    pub(crate) environment: &'static str,
    /// Changes to the new directory `d`.
    pub(crate) enter: &'static str,
    /// Prints the working directory.
    pub(crate) directory: &'static str,
    /// Prints `part` without a newline, then `é` to standard error.
    pub(crate) unfinished: &'static str,
    /// Prints 3 MB of `y`.
    pub(crate) large: &'static str,
    /// Writes `kept` to the file `/sandbox/kept`.
    pub(crate) write: &'static str,
    /// Removes the file `/sandbox/fill`.
    pub(crate) remove: &'static str,
}

pub(crate) const LANGUAGES: [Language; 5] = [
    Language {
        runtime: "python",
        set: "x = 42",
        get: "print(x)",
        set_again: "x = 43",
        fail: "raise RuntimeError('boom')",
        exit: "import sys; sys.exit(7)",
        hang: "while True: pass",
        interrupts: true,
        input: "import sys; print(sys.stdin.read())",
        environment: "import os; print(os.environ.get('KEY', ''))",
        enter: "import os; os.mkdir('d'); os.chdir('d')",
        directory: "import os; print(os.getcwd())",
        unfinished: "import sys; print('part', end=''); print('\u{e9}', end='', file=sys.stderr)",
        large: "print('y' * 3_000_000)",
        write: "open('/sandbox/kept', 'w').write('kept')",
        remove: "import os; os.remove('/sandbox/fill')",
    },
    Language {
        runtime: "node",
        set: "const x = 42;",
        get: "console.log(x)",
        set_again: "const x = 43;",
        fail: "throw new Error('boom')",
        exit: "process.reallyExit(7)",
        hang: "for (;;);",
        interrupts: true,
        input: "let all = ''; for await (const c of process.stdin) all += c; console.log(all)",
        environment: "console.log(process.env.KEY ?? '')",
        enter: "require('fs').mkdirSync('d'); process.chdir('d')",
        directory: "console.log(process.cwd())",
        unfinished: "process.stdout.write('part'); process.stderr.write('\u{e9}')",
        large: "console.log('y'.repeat(3_000_000))",
        write: "require('fs').writeFileSync('/sandbox/kept', 'kept')",
        remove: "require('fs').rmSync('/sandbox/fill')",
    },
    Language {
        runtime: "bun",
        set: "const x: number = 42;",
        get: "console.log(x as number)",
        set_again: "const x = 43;",
        fail: "throw new Error('boom')",
        exit: "process.reallyExit(7)",
        hang: "for (;;);",
        interrupts: true,
        input: "console.log(await Bun.stdin.text())",
        environment: "console.log(process.env.KEY ?? '')",
        enter: "import { mkdirSync } from 'fs'; mkdirSync('d'); process.chdir('d')",
        directory: "console.log(process.cwd())",
        unfinished: "process.stdout.write('part'); process.stderr.write('\u{e9}')",
        large: "console.log('y'.repeat(3_000_000))",
        write: "await Bun.write('/sandbox/kept', 'kept')",
        remove: "import { rmSync } from 'fs'; rmSync('/sandbox/fill')",
    },
    Language {
        runtime: "deno",
        set: "const x: number = 42;",
        get: "console.log(x as number)",
        set_again: "const x = 43;",
        fail: "throw new Error('boom')",
        exit: "const end = Deno.exit; end(7)",
        hang: "for (;;);",
        interrupts: false,
        input: "console.log(await new Response(Deno.stdin.readable).text())",
        environment: "console.log(Deno.env.get('KEY') ?? '')",
        enter: "Deno.mkdirSync('d'); Deno.chdir('d')",
        directory: "console.log(Deno.cwd())",
        unfinished: "const e = new TextEncoder(); Deno.stdout.writeSync(e.encode('part')); \
                     Deno.stderr.writeSync(e.encode('\u{e9}'))",
        large: "console.log('y'.repeat(3_000_000))",
        write: "Deno.writeTextFileSync('/sandbox/kept', 'kept')",
        remove: "Deno.removeSync('/sandbox/fill')",
    },
    Language {
        runtime: "bash",
        set: "x=42",
        get: "echo $x",
        set_again: "x=43",
        fail: "echo boom >&2; (exit 1)",
        exit: "exit 7",
        hang: "while :; do :; done",
        interrupts: false,
        input: "cat; echo",
        environment: "echo \"$KEY\"",
        enter: "mkdir d; cd d",
        directory: "pwd",
        unfinished: "printf part; printf '\u{e9}' >&2",
        large: "head -c 3000000 /dev/zero | tr '\\0' y",
        write: "printf kept >/sandbox/kept",
        remove: "rm /sandbox/fill",
    },
];
