//! The list of modules.

/// A module of Python's own tests.
pub(crate) struct Module {
    /// Its name below `test.`.
    pub(crate) name: String,
    /// Whether it takes too long for a daily run.
    pub(crate) long: bool,
    /// Names of the tests and test classes that are left out.
    excluded: Vec<String>,
}

impl Module {
    /// The program that runs the module.
    pub(crate) fn program(&self) -> String {
        format!(
            "MODULE = {:?}\nEXCLUDED = {:?}\n{}",
            self.name,
            self.excluded,
            include_str!("judge.py")
        )
    }
}

/// Reads `modules.txt`. A line is a module, with ` long` after it if it takes long. Indented lines below it name
/// tests that are left out, with the reason. Lines with `#` are comments.
pub(crate) fn listed() -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    let text = include_str!("modules.txt");
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(entry) = line.strip_prefix("    ") {
            let (name, reason) = entry.split_once(": ").unwrap();
            assert!(!reason.is_empty(), "{line}");
            modules.last_mut().unwrap().excluded.push(name.to_owned());
        } else {
            let (name, long) = line
                .strip_suffix(" long")
                .map_or((line, false), |name| (name, true));
            modules.push(Module {
                name: name.to_owned(),
                long,
                excluded: Vec::new(),
            });
        }
    }
    modules
}
