//! A profile as Docker and Podman write it.

use serde::Deserialize;

/// A profile. What is not known here is refused, because leaving it out could allow more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) default_action: Action,
    pub(super) default_errno_ret: Option<u32>,
    /// The machines that the profile is for. Only the calls of this one are ever allowed.
    #[serde(default, rename = "archMap")]
    _arch_map: serde_json::Value,
    #[serde(default, rename = "architectures")]
    _architectures: serde_json::Value,
    #[serde(default)]
    pub(super) syscalls: Vec<Rule>,
}

/// What happens to some calls.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) names: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) action: Action,
    pub(super) errno_ret: Option<u32>,
    #[serde(default)]
    pub(super) args: Option<Vec<Condition>>,
    #[serde(default)]
    pub(super) includes: Filter,
    #[serde(default)]
    pub(super) excludes: Filter,
    #[serde(default, rename = "comment")]
    _comment: Option<String>,
}

/// When a rule is part of the profile.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Filter {
    #[serde(default)]
    pub(super) arches: Vec<String>,
    #[serde(default)]
    pub(super) caps: Vec<String>,
    pub(super) min_kernel: Option<String>,
}

/// What an argument must be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) index: u32,
    pub(super) value: u64,
    #[serde(default)]
    pub(super) value_two: u64,
    pub(super) op: Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Operator {
    #[serde(rename = "SCMP_CMP_NE")]
    NotEqual,
    #[serde(rename = "SCMP_CMP_LT")]
    Less,
    #[serde(rename = "SCMP_CMP_LE")]
    LessOrEqual,
    #[serde(rename = "SCMP_CMP_EQ")]
    Equal,
    #[serde(rename = "SCMP_CMP_GE")]
    GreaterOrEqual,
    #[serde(rename = "SCMP_CMP_GT")]
    Greater,
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Action {
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    #[serde(rename = "SCMP_ACT_KILL", alias = "SCMP_ACT_KILL_THREAD")]
    KillThread,
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
}

/// What an action of ERRNO answers by default: EPERM.
const EPERM: u32 = 1;

impl Action {
    /// The value that a filter returns for it. See linux/seccomp.h.
    pub(super) fn value(self, errno: Option<u32>) -> u32 {
        match self {
            Self::Allow => 0x7fff_0000,
            Self::Log => 0x7ffc_0000,
            Self::Errno => 0x0005_0000 | (errno.unwrap_or(EPERM) & 0xffff),
            Self::Trap => 0x0003_0000,
            Self::KillThread => 0,
            Self::KillProcess => 0x8000_0000,
        }
    }
}

impl Rule {
    /// Whether it is part of the profile on this machine, for a process with the guest's capabilities.
    pub(super) fn applies(&self, machine: &str) -> Result<bool, String> {
        const CAPABILITIES: [&str; 3] = ["CAP_KILL", "CAP_SETGID", "CAP_SETUID"];
        if self.includes.min_kernel.is_some() || self.excludes.min_kernel.is_some() {
            return Err("`minKernel` is not supported".to_owned());
        }
        let has = |caps: &[String]| caps.iter().any(|cap| CAPABILITIES.contains(&cap.as_str()));
        let is_here = |arches: &[String]| arches.iter().any(|arch| arch == machine);
        let (included, excluded) = (&self.includes, &self.excludes);
        Ok((included.arches.is_empty() || is_here(&included.arches))
            && (included.caps.is_empty() || has(&included.caps))
            && !is_here(&excluded.arches)
            && !has(&excluded.caps))
    }

    pub(super) fn all_names(&self) -> impl Iterator<Item = &String> {
        self.names.iter().chain(&self.name)
    }
}
