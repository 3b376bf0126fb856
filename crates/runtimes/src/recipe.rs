//! How a runtime is put together from tarballs: the same files that its image takes.

/// A runtime's folder.
pub(crate) struct Recipe {
    /// Name of the runtime.
    pub(crate) runtime: &'static str,
    /// The program that the folder is made for, inside it.
    pub(crate) program: &'static str,
    /// Its tarballs.
    pub(crate) parts: &'static [Part],
    /// Symbolic links: where, and to what.
    pub(crate) links: &'static [(&'static str, &'static str)],
    /// Lines that are added to files that a tarball has.
    pub(crate) lines: &'static [(&'static str, &'static str)],
}

/// What a runtime takes from one tarball.
pub(crate) struct Part {
    /// Its name in the list of pins.
    pub(crate) pin: &'static str,
    /// What is taken and where it goes: the beginning of a path in the tarball, and what replaces that. The first
    /// rule that fits counts, and `None` leaves the file out.
    pub(crate) rules: &'static [(&'static str, Option<&'static str>)],
    /// Beginnings of the paths of files that are programs whatever the tarball says.
    pub(crate) programs: &'static [&'static str],
}

impl Part {
    /// Where a file of the tarball goes; `None` when it is left out.
    pub(crate) fn place(&self, path: &str) -> Option<String> {
        let (begin, to) = self
            .rules
            .iter()
            .find(|(begin, _)| path.starts_with(begin))?;
        Some(format!("{}{}", (*to)?, path.strip_prefix(begin)?))
    }

    /// Whether the file at `place` in the folder is a program whatever the tarball says.
    pub(crate) fn is_program(&self, place: &str) -> bool {
        self.programs.iter().any(|begin| place.starts_with(begin))
    }
}
