//! The largest values of a tenant's options. They depend on the runtime, because some runtimes have more by default.

use isol8_api::config::{Config, TenantConfig};
use isol8_engine::{
    options::{OptionError, parse_size},
    runtime::{Defaults, Registry},
};

/// Largest `pidsLimit` of a tenant, by default: what a sandbox has anyway.
const MAX_PIDS: u64 = 64;

/// The largest values of a tenant's options, whether a request or the configuration says them. Sizes are in bytes.
pub(crate) struct Maxima {
    pub(crate) memory: u64,
    pub(crate) cpu: f64,
    pub(crate) tmp: u64,
    pids: Option<u64>,
    sandbox: Option<u64>,
    runtimes: Registry,
}

/// The largest value of one option, for one runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Maximum {
    /// The largest value.
    pub(crate) most: u64,
    /// What the option is where nothing says it; none where that is the runtime's own value.
    pub(crate) left_out: Option<u64>,
}

impl Maximum {
    /// What the configuration says, or `default`, which is no less than what the runtime has by itself.
    fn new(said: Option<u64>, of_runtime: u64, default: u64) -> Self {
        let most = said.unwrap_or(default.max(of_runtime));
        Self {
            most,
            left_out: (most < of_runtime).then_some(most),
        }
    }
}

impl Maxima {
    /// The largest values of `tenant`, or the message about the option that is wrong.
    pub(super) fn new(config: &Config, tenant: &TenantConfig) -> Result<Self, String> {
        let size = |option, text: &str| {
            parse_size(option, text).map_err(|error: OptionError| error.to_string())
        };
        let own = |option, own: &Option<String>, default: &str| {
            size(option, own.as_deref().unwrap_or(default))
        };
        let defaults = &config.defaults;
        let cpu = tenant.cpu_limit.unwrap_or(defaults.cpu_limit);
        if !(cpu.is_finite() && cpu > 0.0) {
            return Err("cpuLimit must be above 0".to_owned());
        }
        // Where the configuration does not say it, each runtime has its own.
        let configured = config.raw_options().sandbox_size;
        let sandbox = tenant.sandbox_size.as_ref().or(configured.as_ref());
        Ok(Self {
            memory: own("memoryLimit", &tenant.memory_limit, &defaults.memory_limit)?,
            cpu,
            tmp: own("tmpSize", &tenant.tmp_size, &defaults.tmp_size)?,
            pids: tenant.pids_limit,
            sandbox: sandbox.map(|text| size("sandboxSize", text)).transpose()?,
            runtimes: Registry::default(),
        })
    }

    /// That of `pidsLimit` in a sandbox for `runtime`.
    pub(crate) fn pids(&self, runtime: &str) -> Maximum {
        Maximum::new(self.pids, self.defaults(runtime).pids.into(), MAX_PIDS)
    }

    /// That of `sandboxSize` and `volumeSize` in a sandbox for `runtime`, in bytes.
    pub(crate) fn sandbox(&self, runtime: &str) -> Maximum {
        let of_runtime = self.defaults(runtime).sandbox_bytes;
        Maximum::new(self.sandbox, of_runtime, of_runtime)
    }

    fn defaults(&self, runtime: &str) -> Defaults {
        let known = self.runtimes.get(runtime);
        known.map_or(Defaults::PROGRAM, |runtime| runtime.defaults)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn maxima(tenant: &Value, defaults: &Value) -> Maxima {
        let config = json!({"defaults": defaults, "tenants": {"all": tenant}});
        let config: Config = serde_json::from_value(config).unwrap();
        Maxima::new(&config, &config.tenants.all).unwrap()
    }

    /// What a sandbox gets where the options leave it out, and the most that they can ask for.
    fn gets(maximum: Maximum, of_runtime: u64) -> (u64, u64) {
        (maximum.left_out.unwrap_or(of_runtime), maximum.most)
    }

    #[test]
    fn a_larger_limit_never_gives_less_and_nothing_gives_more_than_the_limit() {
        let registry = Registry::default();
        for runtime in registry.list() {
            let Defaults {
                pids,
                sandbox_bytes,
            } = runtime.defaults;
            let mut last = ((0, 0), (0, 0));
            for step in 1..=64_u64 {
                let (limit, size) = (step * 4, step * 64);
                let own = json!({"pidsLimit": limit, "sandboxSize": format!("{size}m")});
                let maxima = maxima(&own, &json!({}));
                let of_pids = gets(maxima.pids(runtime.name), pids.into());
                let of_sandbox = gets(maxima.sandbox(runtime.name), sandbox_bytes);
                assert_eq!((of_pids.1, of_sandbox.1), (limit, size << 20));
                assert_eq!(of_pids.0, limit.min(pids.into()), "{}", runtime.name);
                assert_eq!(of_sandbox.0, (size << 20).min(sandbox_bytes));
                assert!(of_pids >= last.0 && of_sandbox >= last.1);
                last = (of_pids, of_sandbox);
            }
        }
    }

    #[test]
    fn whoever_leaves_an_option_out_gets_no_more_than_whoever_asks_for_much() {
        let maxima = maxima(&json!({}), &json!({}));
        for (runtime, pids, sandbox) in [("python", 64, 512 << 20), ("agent", 200, 2 << 30)] {
            assert_eq!(gets(maxima.pids(runtime), pids), (pids, pids), "{runtime}");
            let size = maxima.sandbox(runtime);
            assert_eq!(gets(size, sandbox), (sandbox, sandbox), "{runtime}");
        }
        // A size that the configuration says holds for all runtimes.
        let maxima = self::maxima(&json!({}), &json!({"sandboxSize": "1g"}));
        assert_eq!(maxima.sandbox("agent").most, 1 << 30);
    }
}
