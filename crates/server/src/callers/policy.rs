//! What a caller may do, complete and checked.

use std::{collections::HashMap, sync::Arc};

use isol8_api::{
    config::{Config, RateLimit, TenantConfig, TenantNetwork},
    options::{RawRequestLimits, RequestPreset},
};
use isol8_engine::{
    image::{configured_images, dependencies_tag},
    options::{OptionError, RequestLimits},
};

use super::{maxima::Maxima, owner::Owner, turns::Turns};
use crate::settings::SettingsError;

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

/// What a caller may do.
pub(crate) struct Policy {
    /// Turns for each one of a caller of weight 1, while both wait.
    pub(crate) weight: u64,
    /// Executions at once.
    pub(crate) max_concurrent: usize,
    /// Turns that it leaves free while it has one.
    pub(crate) spared: usize,
    /// Turns that it leaves free while it has none.
    pub(crate) kept: usize,
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
        let tenant = |name: &str, of: TenantConfig, has_own_share: bool| {
            let turns = Turns::of_tenant(max_concurrent, of.max_concurrent, has_own_share);
            let made = Policy::of_tenant(config, of, turns, max_body_bytes);
            made.map(Arc::new).map_err(|cause| SettingsError::Tenant {
                section: format!("tenants.{name}"),
                cause,
            })
        };
        let by_id = config.tenants.by_id.iter().map(|(id, own)| {
            let of = config.tenants.of(id);
            let policy = tenant(&format!("byId.{id}"), of, own.max_concurrent.is_some())?;
            Ok((id.clone(), policy))
        });
        Ok(Self {
            operator: Arc::new(Policy {
                weight: 1,
                max_concurrent,
                spared: 0,
                kept: 0,
                max_waiting: usize::MAX,
                max_connections: usize::MAX,
                max_sessions: MAX_ALL_SESSIONS,
                max_request_bytes: max_body_bytes,
                rate_limit: None,
                tenant: None,
            }),
            all_tenants: tenant("all", config.tenants.all.clone(), false)?,
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
        turns: Turns,
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
        let bytes = tenant.max_request_bytes.unwrap_or(MAX_REQUEST_BYTES);
        Ok(Self {
            weight,
            max_concurrent: whole(positive("maxConcurrent", turns.limit as u64)?),
            spared: turns.spared,
            kept: turns.kept,
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
        let maxima = Maxima::new(config, &tenant)?;
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
        Ok(Self {
            request_limits,
            images,
            allows_network: tenant.network != Some(TenantNetwork::None),
            maxima,
        })
    }
}
