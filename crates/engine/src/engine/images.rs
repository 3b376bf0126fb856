//! The images of an engine: what is known of them, and the build of a base image that is missing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::{Duration, Instant},
};

use isol8_backend::{BackendError, BuildProgress, ImageFacts, ImageInfo, ImageSources, ImageStore};
use tokio::sync::Mutex;

use crate::{error::EngineError, image::builds, runtime::Registry};

/// Age at which what is known is asked for again. The execution that finds it this old does not
/// wait: only other processes can have changed anything, and the next one sees it.
const FRESH: Duration = Duration::from_secs(5);

/// Most images whose labels are remembered.
const MAX_REMEMBERED: usize = 64;

/// The images of an engine.
pub(super) struct Images {
    store: Arc<dyn ImageStore>,
    /// One build at a time: the others that need the image find it built.
    building: Mutex<()>,
    custom: Memory<Vec<ImageInfo>>,
    facts: StdMutex<HashMap<String, Memory<ImageFacts>>>,
}

impl Images {
    pub(super) fn new(store: Arc<dyn ImageStore>) -> Self {
        Self {
            store,
            building: Mutex::new(()),
            custom: Memory::default(),
            facts: StdMutex::default(),
        }
    }

    /// Builds `image` if it is the base image of a runtime; otherwise gives the error that it is
    /// missing.
    pub(super) async fn provide(
        &self,
        registry: &Registry,
        image: &str,
    ) -> Result<(), EngineError> {
        let Some(runtime) = registry.by_image(image) else {
            return Err(BackendError::image_missing(image).into());
        };
        let _one_at_a_time = self.building.lock().await;
        tracing::debug!(image, "building the missing image");
        let sources = ImageSources::default().or_environment()?;
        let report = |progress: BuildProgress| {
            tracing::debug!(step = progress.message, "building the image");
        };
        self.store
            .build_base(runtime.name, &sources, false, &report)
            .await?;
        Ok(())
    }

    /// The custom images.
    pub(super) async fn custom(&self) -> Result<Vec<ImageInfo>, EngineError> {
        let store = Arc::clone(&self.store);
        let load = async move { Ok(Some(store.list().await?)) };
        Ok(self.custom.get(load).await?.unwrap_or_default())
    }

    /// What the labels of `image` say; `None` when there is no such image.
    pub(super) async fn facts(&self, image: &str) -> Result<Option<ImageFacts>, EngineError> {
        let memory = {
            let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
            if facts.len() >= MAX_REMEMBERED && !facts.contains_key(image) {
                facts.clear();
            }
            facts.entry(image.to_owned()).or_default().clone()
        };
        let (store, name) = (Arc::clone(&self.store), image.to_owned());
        memory
            .get(async move { Ok(store.facts(&name).await?) })
            .await
    }

    /// Forgets the custom images: one of them is gone.
    pub(super) fn forget_custom(&self) {
        self.custom.set(None);
    }
}

/// The last answer of the image store, for a while. The clones share it.
struct Memory<T>(Arc<StdMutex<Option<Known<T>>>>);

#[derive(Clone)]
struct Known<T> {
    asked: Instant,
    /// Images built by this process until then.
    builds: u64,
    value: T,
}

impl<T> Clone for Memory<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + 'static> Memory<T> {
    /// What is known, or the result of `load`. An absence is not remembered.
    async fn get(
        &self,
        load: impl Future<Output = Result<Option<T>, EngineError>> + Send + 'static,
    ) -> Result<Option<T>, EngineError> {
        let builds = builds();
        let (known, old) = {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = slot.as_mut().filter(|known| known.builds == builds);
            let old = known
                .as_ref()
                .is_some_and(|known| known.asked.elapsed() >= FRESH);
            let known = known.map(|known| {
                if old {
                    // One of those who see that it is old asks again.
                    known.asked = Instant::now();
                }
                known.value.clone()
            });
            (known, old)
        };
        if let Some(value) = known {
            if old {
                let memory = self.clone();
                tokio::spawn(async move {
                    match load.await {
                        Ok(value) => memory.remember(value, builds),
                        Err(error) => tracing::debug!(%error, "images were not listed again"),
                    }
                });
            }
            return Ok(Some(value));
        }
        let value = load.await?;
        self.remember(value.clone(), builds);
        Ok(value)
    }

    fn remember(&self, value: Option<T>, builds: u64) {
        let asked = Instant::now();
        self.set(value.map(|value| Known {
            asked,
            builds,
            value,
        }));
    }

    fn set(&self, known: Option<Known<T>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_known_is_asked_for_once_and_an_absence_is_not_known() {
        let memory = Memory::<u32>::default();
        let say = |value: Option<u32>| async move { Ok(value) };
        assert_eq!(memory.get(say(None)).await.unwrap(), None);
        assert_eq!(memory.get(say(Some(1))).await.unwrap(), Some(1));
        assert_eq!(memory.get(say(Some(2))).await.unwrap(), Some(1));
        memory.set(None);
        assert_eq!(memory.get(say(Some(3))).await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn what_is_old_is_used_once_more_while_it_is_asked_for() {
        let memory = Memory::<u32>::default();
        let asked = Instant::now().checked_sub(FRESH).unwrap();
        memory.set(Some(Known {
            asked,
            builds: builds(),
            value: 1,
        }));
        let say = |value: u32| async move { Ok(Some(value)) };
        assert_eq!(memory.get(say(2)).await.unwrap(), Some(1));
        tokio::task::yield_now().await;
        assert_eq!(memory.get(say(3)).await.unwrap(), Some(2));
    }
}
