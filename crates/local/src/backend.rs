//! Sandboxes of Linux namespaces, as the engine asks for them.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt as _, future::BoxFuture};
use isol8_backend::{
    Backend, BackendError, BackendErrorKind, Capacity, CleanupReport, Need, SandboxNetwork,
    SandboxSpec, SeccompProfile, Started, begin_start,
};
use isol8_protocol::{CPU_PERIOD_MICROS, RootPlan, STRICT_ARGUMENT, SandboxPlan};

use crate::{
    Availability, LocalOptions, abandoned, availability,
    blocking::blocking,
    find_interpreter, groups, root, seccomp,
    spawner::{Running, Spawner, spawner},
    users,
};

/// Processes that the guest needs for itself: its own, and those that handle files for it.
const GUEST_PROCESSES: u64 = 4;

/// The least processor time of a period that control groups accept, in microseconds.
const LEAST_QUOTA_MICROS: u64 = 1000;

/// Sandboxes of Linux namespaces on this machine.
pub struct LocalBackend {
    shared: Arc<Shared>,
}

struct Shared {
    options: LocalOptions,
    /// Spawners by the image that their root is.
    spawners: Mutex<HashMap<String, Arc<Spawner>>>,
    /// The spawner of each sandbox that has been started, and its number there.
    sandboxes: Mutex<HashMap<String, (Arc<Spawner>, u64)>>,
}

impl LocalBackend {
    /// A backend with these options. It starts nothing before it is asked to.
    #[must_use]
    pub fn new(options: LocalOptions) -> Self {
        let shared = Shared {
            options,
            spawners: Mutex::default(),
            sandboxes: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What enforces what in sandboxes of this backend, or what is missing and the command that mends it. It looks at a
    /// few files, may ask systemd for control groups, and starts no sandbox; [`Backend::probe`] tries.
    pub async fn availability(&self) -> Result<Availability, BackendError> {
        let options = self.shared.options.clone();
        blocking(move || availability::look(&options)).await?
    }

    async fn start_sandbox(&self, spec: &SandboxSpec) -> Result<Started, BackendError> {
        let plan = sandbox_plan(spec)?;
        let _under_way = begin_start().ok_or_else(|| {
            BackendError::new(BackendErrorKind::System, "The program ends.")
                .caused_by(io::Error::other("no sandbox is started any more"))
        })?;
        let spawner = match self.shared.known(&spec.image) {
            Some(spawner) => spawner,
            None => self.find_spawner(&spec.image).await?,
        };
        let Running { number, stream } = spawner.start(plan).await?;
        let id = format!("local-{}-{number}", spawner.process());
        lock(&self.shared.sandboxes).insert(id.clone(), (spawner, number));
        let stream = Box::new(stream);
        Ok(Started { id, stream })
    }

    async fn find_spawner(&self, image: &str) -> Result<Arc<Spawner>, BackendError> {
        let (shared, image) = (Arc::clone(&self.shared), image.to_owned());
        blocking(move || shared.find_spawner(&image)).await?
    }
}

impl Shared {
    /// The spawner for an image that runs already.
    fn known(&self, image: &str) -> Option<Arc<Spawner>> {
        let known = lock(&self.spawners).get(image).cloned();
        known.filter(|spawner| spawner.is_alive())
    }

    /// The spawner for an image: one of another engine, or a new one. Blocks: it looks at every file of an interpreter
    /// that is not the system's, and may ask systemd for control groups.
    fn find_spawner(&self, image: &str) -> Result<Arc<Spawner>, BackendError> {
        let users = users::find()?;
        let groups = groups::find(self.options.limits)?;
        let enforced = availability::describe(&users, &groups);
        let plan = RootPlan {
            groups,
            ..self.root(image)?
        };
        let key = (plan, self.options.limits);
        let found = spawner(&key, &users)?;
        tracing::debug!(%enforced, "limits of local sandboxes");
        lock(&self.spawners).insert(image.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// The root that an image is.
    fn root(&self, image: &str) -> Result<RootPlan, BackendError> {
        let Some(runtime) = root::runtime_of(image) else {
            return Err(BackendError::image_missing(image));
        };
        let interpreter = find_interpreter(runtime, &self.options)?;
        if root::id(runtime, &interpreter) != image {
            let message = format!("The interpreter of {runtime} has changed. Try again.");
            return Err(BackendError::new(BackendErrorKind::System, message));
        }
        for shown in root::with_others(&interpreter) {
            let program = shown.program.display();
            let prefix = shown.prefix.as_deref().map(Path::display);
            let prefix = prefix.map_or_else(|| "none".to_owned(), |prefix| prefix.to_string());
            tracing::debug!(runtime, %program, shown = prefix, "interpreter of local sandboxes");
        }
        Ok(root::plan(runtime, &interpreter))
    }
}

/// What a spawner is to make, or why it cannot.
fn sandbox_plan(spec: &SandboxSpec) -> Result<SandboxPlan, BackendError> {
    let refused = |option: &str| {
        let message = format!(
            "Local sandboxes do not support {option}. Leave it out, or use the backend `docker`."
        );
        Err(BackendError::new(BackendErrorKind::Configuration, message))
    };
    if spec.persist {
        return refused("`persist: true`");
    }
    if !spec.readonly_root {
        return refused("`readonlyRootFs: false`");
    }
    if !spec.volumes.is_empty() {
        return refused("volumes of images");
    }
    let strict = spec.seccomp == SeccompProfile::Strict;
    Ok(SandboxPlan {
        number: 0,
        host_name: String::new(),
        host_network: spec.network == SandboxNetwork::Host,
        memory_bytes: spec.memory_bytes,
        processes: u64::from(spec.pids) + GUEST_PROCESSES,
        cpu_quota_micros: quota(spec.cpus),
        sandbox_bytes: spec.sandbox_bytes,
        tmp_bytes: spec.tmp_bytes,
        session: spec.session,
        arguments: strict
            .then(|| STRICT_ARGUMENT.to_owned())
            .into_iter()
            .collect(),
        filter: seccomp::filter(&spec.seccomp)?,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a number of cores, validated as positive"
)]
fn quota(cpus: f64) -> u64 {
    ((cpus * CPU_PERIOD_MICROS as f64).round() as u64).max(LEAST_QUOTA_MICROS)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend for LocalBackend {
    /// It has no images, and nothing that stays.
    fn refuse(&self, need: Need) -> Option<BackendError> {
        Some(BackendError::unsupported("local", need))
    }

    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, BackendError>> {
        self.start_sandbox(spec).boxed()
    }

    /// No local sandbox persists.
    fn let_go(&self, _id: &str) {}

    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), BackendError>> {
        let shared = Arc::clone(&self.shared);
        async move {
            let known = lock(&shared.sandboxes).remove(&id);
            match known {
                Some((spawner, number)) => spawner.stop(number).await,
                None => Ok(()),
            }
        }
        .boxed()
    }

    /// Local sandboxes end with their process. What a spawner that was killed has left are control groups; each such
    /// spawner counts as one.
    fn clean_up(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        blocking(abandoned::remove).boxed()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        async {
            let options = self.shared.options.clone();
            let image = move || {
                let interpreter = find_interpreter("bash", &options)?;
                Ok::<_, BackendError>(root::id("bash", &interpreter))
            };
            self.find_spawner(&blocking(image).await??).await.map(drop)
        }
        .boxed()
    }

    fn capacity(&self) -> Capacity {
        Capacity::of_this_machine()
    }
}
