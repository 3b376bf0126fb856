//! A sequence as a program that can be run on its own.

use std::fmt::Write as _;

use super::{
    model::{Operation, Step},
    programs::Programs,
};

/// A program for Node, which prints each result.
pub(super) fn program(programs: &Programs, steps: &[Step]) -> String {
    let runtime = programs.runtime();
    let mut text = format!(
        "import {{ DockerIsol8 }} from \"@isol8/core\";\n\
         const engine = new DockerIsol8({{ mode: \"persistent\", sandboxSize: \"32m\" }});\n\
         const run = async (code, more, ...options) => {{\n  \
           const request = {{ runtime: \"{runtime}\", code, ...more }};\n  \
           console.log(await engine.execute(request, ...options).catch(String));\n\
         }};\n"
    );
    for step in steps {
        let code = serde_json::to_string(&programs.code(*step)).unwrap();
        let call = match step.operation {
            Operation::Timeout => format!("await run({code}, {{ timeoutMs: 1500 }});"),
            Operation::Abort => format!(
                "const abort = new AbortController();\n\
                 setTimeout(() => abort.abort(), 1000);\n\
                 await run({code}, {{}}, {{ signal: abort.signal }});"
            ),
            _ => format!("await run({code});"),
        };
        writeln!(text, "// {:?}\n{{ {call} }}", step.operation).unwrap();
    }
    let show = serde_json::to_string(programs.show()).unwrap();
    writeln!(text, "await run({show});\nawait engine.stop();").unwrap();
    text
}
