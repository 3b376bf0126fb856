//! Executions that each have a clean sandbox of a pool to themselves.

use std::sync::{OnceLock, atomic::Ordering};

use isol8_api::options::NetworkMode;
use isol8_backend::{ImageDetails, SandboxNetwork, SandboxSpec, SandboxUser};
use isol8_protocol::AfterExit;

use super::{
    admitted::{AdmittedExecution, SandboxUse},
    chosen_image::ChosenImage,
    lifecycle::{Engine, Inner},
    needs::check_needs,
    pools::Kind,
};
use crate::{
    error::EngineError,
    execution::Outcome,
    options::Mode,
    plan::{ExecutionPlan, park_plan},
    pool::{Lease, Pool},
    runtime::Defaults,
};

impl Engine {
    /// How many executions took an interpreter that was started ahead of them.
    #[must_use]
    pub fn parked_executions(&self) -> u64 {
        self.0.pools.parked.load(Ordering::Relaxed)
    }

    /// How many sandboxes wait in the pools of this engine for a program.
    #[must_use]
    pub fn idle_sandboxes(&self) -> usize {
        self.0.pools.idle()
    }

    /// Makes a sandbox of the pool for `runtime` ready. Builds a missing base image only where a failure is
    /// reported: otherwise the first execution does.
    pub(super) async fn prewarm(&self, runtime: &str, strict: bool) -> Result<(), EngineError> {
        let spec = self.0.registry.get(runtime)?;
        let image = self.0.options.image.as_deref().unwrap_or(spec.image);
        let details = match self.details(image, runtime).await {
            Err(error) if strict && error.is_image_missing() => {
                self.0.images.provide(&self.0.registry, image).await?;
                self.details(image, runtime).await?
            }
            details => details?,
        };
        let spec = self.0.sandbox_spec(&details, runtime)?;
        let _active = self.0.pools.activity.begin();
        self.pool(spec, image).prewarm().await
    }

    pub(super) async fn run_ephemeral(
        &self,
        admitted: AdmittedExecution<'_>,
    ) -> Result<(Outcome, String), EngineError> {
        let _active = self.0.pools.activity.begin();
        let (lease, chosen) = self.lease(&admitted.plan).await?;
        let container_id = lease.sandbox().id().to_owned();
        let how = SandboxUse {
            image_registries: None,
            after_exit: AfterExit::KillAll,
            session_loss: &OnceLock::new(),
        };
        let outcome = admitted
            .run_in(&self.0, lease.sandbox(), &chosen, how)
            .await;
        if let Ok(outcome) = &outcome {
            let parked = &self.0.pools.parked;
            parked.fetch_add(outcome.report.parked.into(), Ordering::Relaxed);
        }
        if self.0.options.persist
            && let Some(sandbox) = lease.into_sandbox()
        {
            // Kept for the user to look at; nobody here will use it again.
            sandbox.release();
        }
        Ok((outcome?, container_id))
    }

    /// A sandbox for `plan`, and the image that it has.
    async fn lease(&self, plan: &ExecutionPlan) -> Result<(Lease, ChosenImage), EngineError> {
        match self.lease_in(self.choose(plan.into()).await, plan).await {
            Err(error) => {
                let chosen = self.choose_again(plan.into(), error).await;
                self.lease_in(chosen, plan).await
            }
            leased => leased,
        }
    }

    async fn lease_in(
        &self,
        chosen: Result<ChosenImage, EngineError>,
        plan: &ExecutionPlan,
    ) -> Result<(Lease, ChosenImage), EngineError> {
        let chosen = chosen?;
        check_needs(&self.0.options, &*self.0.backend, plan)?;
        let spec = self.0.sandbox_spec(&chosen.details, &plan.runtime)?;
        let lease = self.pool(spec, &chosen.name).acquire().await;
        Ok((lease.map_err(|error| chosen.explain(error))?, chosen))
    }

    /// The pool for `spec`, whose image was found by `name`.
    fn pool(&self, spec: SandboxSpec, name: &str) -> Pool {
        let Inner {
            options, registry, ..
        } = &*self.0;
        let kind = Kind::of(&spec);
        if let Some(pool) = self.0.pools.find(&kind, name) {
            return pool;
        }
        let runtime = registry.get(&spec.runtime).ok();
        let park = || {
            let runtime = runtime?;
            let preload = self.0.pools.preload(options, runtime.name);
            park_plan(options, runtime, &preload)
        };
        let wanted = self.wanted(kind);
        let pools = &self.0.pools;
        let pool = pools.get(&self.0.backend, options, (spec, name), park, wanted);
        self.attend_pools();
        pool
    }
}

impl Inner {
    /// What a sandbox for `runtime` in `image` is made of under these options.
    pub(super) fn sandbox_spec(
        &self,
        image: &ImageDetails,
        runtime: &str,
    ) -> Result<SandboxSpec, EngineError> {
        let options = &self.options;
        let known = self.registry.get(runtime);
        let defaults = known.map_or(Defaults::PROGRAM, |runtime| runtime.defaults);
        let network = match options.network {
            // Filtered egress travels over the link; the sandbox itself has no network.
            NetworkMode::None | NetworkMode::Filtered => SandboxNetwork::None,
            NetworkMode::Host => SandboxNetwork::Host,
        };
        let sandbox_bytes = options.sandbox_bytes.unwrap_or(defaults.sandbox_bytes);
        Ok(SandboxSpec {
            image: image.id.clone(),
            runtime: runtime.to_owned(),
            network,
            memory_bytes: options.memory_bytes,
            cpus: options.cpu_limit,
            pids: options.pids_limit.unwrap_or(defaults.pids),
            readonly_root: options.readonly_root,
            sandbox_bytes,
            tmp_bytes: options.tmp_bytes,
            volumes: image.volumes.clone(),
            volume_bytes: options.volume_bytes.unwrap_or(sandbox_bytes),
            seccomp: self.seccomp.current()?,
            session: options.mode == Mode::Persistent,
            user: if options.own_user {
                SandboxUser::Own
            } else {
                SandboxUser::Shared
            },
            persist: options.persist,
        })
    }
}
