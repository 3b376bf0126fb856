//! What a configuration file may say about the tenants of a server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::options::RawRequestLimits;

/// Tenants of a server: those who have a key of its database. An unknown key is refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TenantsConfig {
    /// What every tenant may do.
    pub all: TenantConfig,
    /// What single tenants may do, by id. What is left out is as for all.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_id: BTreeMap<String, TenantConfig>,
}

/// What a tenant may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TenantConfig {
    /// Turns for each one of a tenant of weight 1, while both wait. Default 1.
    #[cfg_attr(test, schemars(range(min = 1, max = 1000)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    /// Executions that may run at once. More wait. The default is half of the server's `maxConcurrent`. The other half is for
    /// those that run nothing. A limit of one tenant's own is a share of the turns for this tenant.
    #[cfg_attr(test, schemars(range(min = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u64>,
    /// Connections that may be open at once, default 1024.
    #[cfg_attr(test, schemars(range(min = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u64>,
    /// Executions that may wait, default 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_waiting: Option<u64>,
    /// Sessions that may exist, default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<u64>,
    /// Largest body of a request in bytes, default 33554432.
    #[cfg_attr(test, schemars(range(min = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_bytes: Option<u64>,
    /// How many requests may come, default any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What a request may ask for, default "strict".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_limits: Option<RawRequestLimits>,
    /// Images that the option `image` may name beside those of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<String>>,
    /// The widest network of this tenant's programs: "none" or "filtered" (default). The option `network` cannot ask for
    /// more. With "none", installations have no network either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<TenantNetwork>,
    /// Largest `memoryLimit`, default that of `defaults`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?[bkmgBKMG]?$")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<String>,
    /// Largest `cpuLimit`, default that of `defaults`.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<f64>,
    /// Largest `pidsLimit`, default 64, and 200 for the agent. It raises nothing where a request leaves `pidsLimit` out.
    #[cfg_attr(test, schemars(range(min = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_limit: Option<u64>,
    /// Largest `sandboxSize` and `volumeSize`, default `sandboxSize` of `defaults`. Where neither says it: 512 MiB, and 2 GiB for
    /// the agent.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?[bkmgBKMG]?$")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_size: Option<String>,
    /// Largest `tmpSize`, default that of `defaults`.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?[bkmgBKMG]?$")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_size: Option<String>,
}

/// Widest network of a tenant's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TenantNetwork {
    /// None at all.
    None,
    /// That of the server's filter.
    Filtered,
}

/// How many requests may come: a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a second in the long run.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub rate: f64,
    /// Requests that may come at once.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub burst: f64,
}

impl TenantsConfig {
    /// What the tenant `id` may do: its own settings, over those of all.
    #[must_use]
    pub fn of(&self, id: &str) -> TenantConfig {
        let all = self.all.clone();
        let Some(own) = self.by_id.get(id).cloned() else {
            return all;
        };
        TenantConfig {
            weight: own.weight.or(all.weight),
            max_concurrent: own.max_concurrent.or(all.max_concurrent),
            max_connections: own.max_connections.or(all.max_connections),
            max_waiting: own.max_waiting.or(all.max_waiting),
            max_sessions: own.max_sessions.or(all.max_sessions),
            max_request_bytes: own.max_request_bytes.or(all.max_request_bytes),
            rate_limit: own.rate_limit.or(all.rate_limit),
            request_limits: own.request_limits.or(all.request_limits),
            images: own.images.or(all.images),
            network: own.network.or(all.network),
            memory_limit: own.memory_limit.or(all.memory_limit),
            cpu_limit: own.cpu_limit.or(all.cpu_limit),
            pids_limit: own.pids_limit.or(all.pids_limit),
            sandbox_size: own.sandbox_size.or(all.sandbox_size),
            tmp_size: own.tmp_size.or(all.tmp_size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_one_tenant_go_over_those_of_all() {
        let config: TenantsConfig = serde_json::from_str(
            r#"{"all": {"weight": 2, "maxSessions": 3}, "byId": {"a": {"maxSessions": 5}}}"#,
        )
        .unwrap();
        let (a, b) = (config.of("a"), config.of("b"));
        assert_eq!((a.weight, a.max_sessions), (Some(2), Some(5)));
        assert_eq!((b.weight, b.max_sessions), (Some(2), Some(3)));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for text in [
            r#"{"defaults": {}}"#,
            r#"{"all": {"maxSession": 1}}"#,
            r#"{"byId": {"a": {"rateLimit": {"rate": 1}}}}"#,
        ] {
            assert!(
                serde_json::from_str::<TenantsConfig>(text).is_err(),
                "{text}"
            );
        }
    }
}
