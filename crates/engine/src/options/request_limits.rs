//! What a request may ask for: one row for each field of a request.

use std::time::Duration;

use isol8_api::options::{
    RawLimitTable, RawListLimits, RawRequestLimits, RawSwitchLimits, RawTextLimits, RequestPreset,
};

use super::{
    OptionError,
    number::{integer_up_to, timeout},
};

/// Limits of the fields of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLimits {
    /// Largest `timeoutMs`.
    pub timeout: Option<Duration>,
    /// Most bytes of all requests that wait for their turn.
    pub waiting_bytes: Option<u64>,
    rows: [FieldLimits; FIELDS],
}

/// Fields with a row: all but `timeoutMs`.
const FIELDS: usize = 17;

/// Limits of one field of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldLimits {
    /// The field and its options.
    pub names: Names,
    /// Whether a request may have it.
    pub allowed: bool,
    /// Most entries, where it is a list or a map.
    pub max_count: Option<u64>,
    /// Most bytes.
    pub max_bytes: Option<u64>,
}

/// What a field and its limits are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// The field of the request.
    pub field: &'static str,
    /// The option that says whether it is allowed.
    pub allowed: &'static str,
    /// The option with the largest number of entries.
    pub max_count: &'static str,
    /// The option with the largest number of bytes.
    pub max_bytes: &'static str,
}

/// A row: field, whether it is allowed, most entries, most bytes.
macro_rules! row {
    ($field:literal, $allowed:expr, $max_count:expr, $max_bytes:expr) => {
        FieldLimits {
            names: Names {
                field: $field,
                allowed: concat!("requestLimits.", $field, ".allowed"),
                max_count: concat!("requestLimits.", $field, ".maxCount"),
                max_bytes: concat!("requestLimits.", $field, ".maxBytes"),
            },
            allowed: $allowed,
            max_count: $max_count,
            max_bytes: $max_bytes,
        }
    };
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The preset `strict`. What a field needs that is not allowed is there for those who allow it.
const STRICT: RequestLimits = RequestLimits {
    timeout: Some(Duration::from_mins(1)),
    waiting_bytes: Some(256 * MIB),
    rows: [
        // A runtime and an encoding have to be known ones, and a hash has a fixed form.
        row!("runtime", true, None, None),
        row!("code", true, None, Some(MIB)),
        row!("codeUrl", false, None, Some(2 * KIB)),
        row!("cmd", true, None, Some(64 * KIB)),
        row!("codeHash", true, None, None),
        row!("allowInsecureCodeUrl", false, None, None),
        row!("env", true, Some(64), Some(64 * KIB)),
        row!("fileExtension", true, None, Some(32)),
        row!("stdin", true, None, Some(MIB)),
        row!("files", true, Some(1000), Some(16 * MIB)),
        row!("outputPaths", true, Some(100), Some(64 * KIB)),
        row!("outputEncoding", true, None, None),
        row!("installPackages", false, Some(32), Some(4 * KIB)),
        row!("metadata", true, Some(16), Some(4 * KIB)),
        row!("setupScript", false, None, Some(64 * KIB)),
        row!("workdir", true, None, Some(KIB)),
        row!("agentFlags", false, None, Some(4 * KIB)),
    ],
};

impl RequestLimits {
    /// The row of a field of a request.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&FieldLimits> {
        self.rows.iter().find(|row| row.names.field == field)
    }

    /// Every row, in the order of the request's fields.
    pub fn rows(&self) -> impl Iterator<Item = &FieldLimits> {
        self.rows.iter()
    }

    /// A preset.
    #[must_use]
    pub fn preset(preset: RequestPreset) -> Self {
        match preset {
            RequestPreset::Strict => STRICT,
            RequestPreset::Default => Self::default(),
        }
    }
}

impl Default for RequestLimits {
    /// Everything is allowed, as it was before there were limits.
    fn default() -> Self {
        Self {
            timeout: None,
            waiting_bytes: None,
            rows: STRICT.rows.map(|row| FieldLimits {
                allowed: true,
                max_count: None,
                max_bytes: None,
                ..row
            }),
        }
    }
}

impl TryFrom<RawRequestLimits> for RequestLimits {
    type Error = OptionError;

    fn try_from(raw: RawRequestLimits) -> Result<Self, OptionError> {
        match raw {
            RawRequestLimits::Preset(preset) => Ok(Self::preset(preset)),
            RawRequestLimits::Table(table) => changed(*table),
        }
    }
}

/// The preset of `table` with its changes.
fn changed(table: RawLimitTable) -> Result<RequestLimits, OptionError> {
    let RawLimitTable {
        preset,
        timeout_ms,
        max_waiting_bytes,
        code,
        code_url,
        cmd,
        allow_insecure_code_url,
        env,
        file_extension,
        stdin,
        files,
        output_paths,
        install_packages,
        metadata,
        setup_script,
        workdir,
        agent_flags,
    } = table;
    let mut limits = RequestLimits::preset(preset.unwrap_or_default());
    if let Some(milliseconds) = timeout_ms {
        limits.timeout = Some(timeout("requestLimits.timeoutMs", milliseconds)?);
    }
    if let Some(bytes) = max_waiting_bytes {
        let bytes = whole("requestLimits.maxWaitingBytes", bytes)?;
        limits.waiting_bytes = Some(bytes);
    }
    let changes: [(&str, Option<Change>); 14] = [
        ("code", code.map(Change::from)),
        ("codeUrl", code_url.map(Change::from)),
        ("cmd", cmd.map(Change::from)),
        (
            "allowInsecureCodeUrl",
            allow_insecure_code_url.map(Change::from),
        ),
        ("env", env.map(Change::from)),
        ("fileExtension", file_extension.map(Change::from)),
        ("stdin", stdin.map(Change::from)),
        ("files", files.map(Change::from)),
        ("outputPaths", output_paths.map(Change::from)),
        ("installPackages", install_packages.map(Change::from)),
        ("metadata", metadata.map(Change::from)),
        ("setupScript", setup_script.map(Change::from)),
        ("workdir", workdir.map(Change::from)),
        ("agentFlags", agent_flags.map(Change::from)),
    ];
    for row in &mut limits.rows {
        let change = changes.iter().find(|(field, _)| *field == row.names.field);
        if let Some((_, Some(change))) = change {
            change.apply(row)?;
        }
    }
    Ok(limits)
}

fn whole(option: &'static str, value: f64) -> Result<u64, OptionError> {
    integer_up_to(option, value, u64::MAX, "a whole number")
}

/// The changes that a caller makes to one row.
struct Change {
    allowed: Option<bool>,
    max_count: Option<f64>,
    max_bytes: Option<f64>,
}

impl Change {
    fn apply(&self, row: &mut FieldLimits) -> Result<(), OptionError> {
        if let Some(allowed) = self.allowed {
            row.allowed = allowed;
        }
        if let Some(count) = self.max_count {
            row.max_count = Some(whole(row.names.max_count, count)?);
        }
        if let Some(bytes) = self.max_bytes {
            row.max_bytes = Some(whole(row.names.max_bytes, bytes)?);
        }
        Ok(())
    }
}

impl From<RawSwitchLimits> for Change {
    fn from(RawSwitchLimits { allowed }: RawSwitchLimits) -> Self {
        Self {
            allowed,
            max_count: None,
            max_bytes: None,
        }
    }
}

impl From<RawTextLimits> for Change {
    fn from(RawTextLimits { allowed, max_bytes }: RawTextLimits) -> Self {
        Self {
            allowed,
            max_count: None,
            max_bytes,
        }
    }
}

impl From<RawListLimits> for Change {
    fn from(raw: RawListLimits) -> Self {
        let RawListLimits {
            allowed,
            max_count,
            max_bytes,
        } = raw;
        Self {
            allowed,
            max_count,
            max_bytes,
        }
    }
}

#[cfg(test)]
mod tests;
