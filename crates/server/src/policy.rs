//! What a caller may do, complete and checked.

use std::{collections::HashMap, sync::Arc};

use isol8_api::{
    config::{Config, RateLimit, TenantConfig, TenantNetwork},
    options::{RawRequestLimits, RequestPreset},
};
use isol8_engine::{
    image::{configured_images, dependencies_tag},
    options::{OptionError, RequestLimits, parse_size},
    runtime::{Defaults, Registry},
};

use crate::{caller::Owner, settings::SettingsError};

/// Largest weight of a tenant.
const MAX_WEIGHT: u64 = 1000;

/// Executions of a tenant that may wait, by default.
const MAX_WAITING: u64 = 1000;

/// Connections of a tenant, by default: each call that waits has one, and a server has four times as many.
const MAX_CONNECTIONS: u64 = 1024;

/// Sessions of a tenant, by default.
const MAX_SESSIONS: u64 = 100;

/// Sessions of a server, whoever they belong to.
pub(crate) const MAX_ALL_SESSIONS: usize = 1000;

/// Largest body of a tenant's request, by default: 32 MiB.
const MAX_REQUEST_BYTES: u64 = 32 * 1024 * 1024;

/// Largest `pidsLimit` of a tenant, by default: what a sandbox has anyway.
const MAX_PIDS: u64 = 64;

/// What a caller may do.
pub(crate) struct Policy {
    /// Turns in a row when several callers wait.
    pub(crate) weight: u64,
    /// Executions at once.
    pub(crate) max_concurrent: usize,
    /// Turns that it leaves to those who have none.
    pub(crate) spared: usize,
    /// Executions that wait.
    pub(crate) max_waiting: usize,
    /// Connections at once.
    pub(crate) max_connections: usize,
    /// Sessions.
    pub(crate) max_sessions: usize,
    /// Largest body of a request in bytes.
    pub(crate) max_request_bytes: usize,
    /// How many requests may come.
    pub(crate) rate_limit: Option<RateLimit>,
    /// What holds for a tenant only.
    pub(crate) tenant: Option<TenantRules>,
}

/// What the options of a tenant are held to.
pub(crate) struct TenantRules {
    /// What a request may ask for.
    pub(crate) request_limits: RawRequestLimits,
    /// Images that the option `image` may name.
    pub(crate) images: Vec<String>,
    /// Whether programs may have the filtered network.
    pub(crate) allows_network: bool,
    /// Largest values.
    pub(crate) maxima: Maxima,
}

/// Largest values of the options of a tenant, whether a request or the configuration says them. Sizes are in bytes.
pub(crate) struct Maxima {
    pub(crate) memory: u64,
    pub(crate) cpu: f64,
    pub(crate) pids: f64,
    pub(crate) sandbox: u64,
    pub(crate) tmp: u64,
    /// `pidsLimit` where nothing says it; none where runtimes keep their own.
    pub(crate) pids_of_runtimes: Option<f64>,
    /// `sandboxSize` where nothing says it; none where runtimes keep their own.
    pub(crate) sandbox_of_runtimes: Option<u64>,
}

/// The policies of a server.
pub(crate) struct Policies {
    operator: Arc<Policy>,
    all_tenants: Arc<Policy>,
    by_id: HashMap<String, Arc<Policy>>,
}

impl Policies {
    /// The policies of a configuration, on a server with these limits.
    pub(crate) fn new(
        config: &Config,
        max_concurrent: usize,
        max_body_bytes: usize,
    ) -> Result<Self, SettingsError> {
        let tenant = |name: &str, of: TenantConfig| {
            let made = Policy::of_tenant(config, of, max_concurrent, max_body_bytes);
            made.map(Arc::new).map_err(|cause| SettingsError::Tenant {
                section: format!("tenants.{name}"),
                cause,
            })
        };
        let by_id = config.tenants.by_id.keys().map(|id| {
            let policy = tenant(&format!("byId.{id}"), config.tenants.of(id))?;
            Ok((id.clone(), policy))
        });
        Ok(Self {
            operator: Arc::new(Policy {
                weight: 1,
                max_concurrent,
                spared: 0,
                max_waiting: usize::MAX,
                max_connections: usize::MAX,
                max_sessions: MAX_ALL_SESSIONS,
                max_request_bytes: max_body_bytes,
                rate_limit: None,
                tenant: None,
            }),
            all_tenants: tenant("all", config.tenants.all.clone())?,
            by_id: by_id.collect::<Result<_, SettingsError>>()?,
        })
    }

    /// What `owner` may do.
    pub(crate) fn of(&self, owner: &Owner) -> Arc<Policy> {
        let policy = match owner {
            Owner::Operator => &self.operator,
            Owner::Tenant(id) => self.by_id.get(&**id).unwrap_or(&self.all_tenants),
        };
        Arc::clone(policy)
    }
}

impl Policy {
    fn of_tenant(
        config: &Config,
        tenant: TenantConfig,
        max_concurrent: usize,
        max_body_bytes: usize,
    ) -> Result<Self, String> {
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let positive = |field: &str, number: u64| match number {
            0 => Err(format!("{field} must be at least 1")),
            number => Ok(number),
        };
        let weight = positive("weight", tenant.weight.unwrap_or(1))?;
        if weight > MAX_WEIGHT {
            return Err(format!("weight must be at most {MAX_WEIGHT}"));
        }
        if let Some(RateLimit { rate, burst }) = tenant.rate_limit
            && !(rate.is_finite() && rate > 0.0 && burst.is_finite() && burst >= 1.0)
        {
            return Err("rateLimit needs a rate above 0 and a burst of at least 1".to_owned());
        }
        // With four or more turns, two tenants must not take all of them from the others. Whoever has a limit of its own may have that many.
        let spared = match tenant.max_concurrent {
            None => spared_of(max_concurrent),
            Some(_) => 0,
        };
        let default = max_concurrent.saturating_sub(spared).max(1);
        let concurrent = tenant.max_concurrent.map_or(default, whole);
        let bytes = tenant.max_request_bytes.unwrap_or(MAX_REQUEST_BYTES);
        Ok(Self {
            weight,
            max_concurrent: whole(positive("maxConcurrent", concurrent as u64)?)
                .min(max_concurrent),
            spared,
            max_connections: whole(positive(
                "maxConnections",
                tenant.max_connections.unwrap_or(MAX_CONNECTIONS),
            )?),
            max_waiting: whole(tenant.max_waiting.unwrap_or(MAX_WAITING)),
            max_sessions: whole(tenant.max_sessions.unwrap_or(MAX_SESSIONS)).min(MAX_ALL_SESSIONS),
            max_request_bytes: whole(positive("maxRequestBytes", bytes)?).min(max_body_bytes),
            rate_limit: tenant.rate_limit,
            tenant: Some(TenantRules::new(config, tenant)?),
        })
    }
}

impl TenantRules {
    fn new(config: &Config, tenant: TenantConfig) -> Result<Self, String> {
        let told = |error: OptionError| error.to_string();
        let strict = RawRequestLimits::Preset(RequestPreset::Strict);
        let request_limits = tenant.request_limits.unwrap_or(strict);
        RequestLimits::try_from(request_limits.clone()).map_err(told)?;
        let configured = configured_images(config).into_iter();
        let mut images: Vec<_> = configured
            .map(|image| {
                image
                    .tag
                    .unwrap_or_else(|| dependencies_tag(&image.runtime))
            })
            .collect();
        images.extend(tenant.images.unwrap_or_default());
        let size = |option, own: &Option<String>, default: &str| {
            parse_size(option, own.as_deref().unwrap_or(default)).map_err(told)
        };
        let defaults = &config.defaults;
        let cpu = tenant.cpu_limit.unwrap_or(defaults.cpu_limit);
        if !(cpu.is_finite() && cpu > 0.0) {
            return Err("cpuLimit must be above 0".to_owned());
        }
        let sandbox = size("sandboxSize", &tenant.sandbox_size, &defaults.sandbox_size)?;
        let own = tenant.sandbox_size.is_some().then_some(sandbox);
        let maxima = Maxima {
            memory: size("memoryLimit", &tenant.memory_limit, &defaults.memory_limit)?,
            cpu,
            pids: number(tenant.pids_limit.unwrap_or(MAX_PIDS)),
            sandbox,
            tmp: size("tmpSize", &tenant.tmp_size, &defaults.tmp_size)?,
            pids_of_runtimes: below_a_runtime(tenant.pids_limit, |of| of.pids.into()).map(number),
            sandbox_of_runtimes: below_a_runtime(own, |of| of.sandbox_bytes),
        };
        Ok(Self {
            request_limits,
            images,
            allows_network: tenant.network != Some(TenantNetwork::None),
            maxima,
        })
    }
}

/// Turns that a tenant leaves to those who have none: a quarter of a server's, at least two where there are four or more.
fn spared_of(max_concurrent: usize) -> usize {
    match max_concurrent {
        0..=3 => 1,
        turns => turns.div_ceil(4).max(2),
    }
}

/// A limit of a tenant's own that is less than what a runtime has where the options name nothing.
fn below_a_runtime(limit: Option<u64>, default: impl Fn(Defaults) -> u64) -> Option<u64> {
    let registry = Registry::default();
    let is_less = |limit: &u64| {
        let mut runtimes = registry.list().iter();
        runtimes.any(|runtime| *limit < default(runtime.defaults))
    };
    limit.filter(is_less)
}

/// As options have it.
#[expect(
    clippy::cast_precision_loss,
    reason = "no limit needs more than 53 bits"
)]
fn number(value: u64) -> f64 {
    value as f64
}
