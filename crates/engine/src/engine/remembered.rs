//! The backend's last answer about images, kept for a while.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::Instrument as _;

use crate::{error::EngineError, image::builds};

/// Age at which what is known is asked for again. The execution that finds it this old does not
/// wait: only other processes can have changed anything, and the next one sees it.
const FRESH: Duration = Duration::from_secs(4);

/// An answer of the backend, kept for a while. The clones share it.
pub(super) struct Remembered<T>(Arc<Mutex<Option<Known<T>>>>);

#[derive(Clone)]
struct Known<T> {
    asked: Instant,
    /// Images built by this process until then.
    builds: u64,
    value: T,
}

impl<T> Clone for Remembered<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + 'static> Remembered<T> {
    /// What is known, or the result of `load`. An absence is not remembered.
    pub(super) async fn get(
        &self,
        load: impl Future<Output = Result<Option<T>, EngineError>> + Send + 'static,
    ) -> Result<Option<T>, EngineError> {
        match self.peek() {
            Some((value, is_old)) => {
                if is_old {
                    self.refresh(load);
                }
                Ok(Some(value))
            }
            None => self.ask(load).await,
        }
    }

    /// What is known, and whether the caller has to ask for it again. Of the callers that find it old, the first
    /// one has to.
    pub(super) fn peek(&self) -> Option<(T, bool)> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slot.as_mut().filter(|known| known.builds == builds())?;
        let is_old = known.asked.elapsed() >= FRESH;
        if is_old {
            known.asked = Instant::now();
        }
        Some((known.value.clone(), is_old))
    }

    /// Asks in the background.
    pub(super) fn refresh(
        &self,
        load: impl Future<Output = Result<Option<T>, EngineError>> + Send + 'static,
    ) {
        let remembered = self.clone();
        let asking = async move {
            if let Err(error) = remembered.ask(load).await {
                tracing::debug!(%error, "images were not looked up again");
            }
        };
        tokio::spawn(asking.in_current_span());
    }

    /// The result of `load`, whatever is known.
    pub(super) async fn ask(
        &self,
        load: impl Future<Output = Result<Option<T>, EngineError>>,
    ) -> Result<Option<T>, EngineError> {
        let (asked, builds) = (Instant::now(), builds());
        let value = load.await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value.clone().map(|value| Known {
            asked,
            builds,
            value,
        });
        Ok(value)
    }

    /// Forgets it.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_known_is_asked_for_once_and_an_absence_is_not_known() {
        let memory = Remembered::<u32>::default();
        let load = |value: Option<u32>| async move { Ok(value) };
        assert_eq!(memory.get(load(None)).await.unwrap(), None);
        assert_eq!(memory.get(load(Some(1))).await.unwrap(), Some(1));
        assert_eq!(memory.get(load(Some(2))).await.unwrap(), Some(1));
        memory.forget();
        assert_eq!(memory.get(load(Some(3))).await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn what_is_old_is_used_once_more_while_it_is_asked_for() {
        let memory = Remembered::<u32>::default();
        let asked = Instant::now().checked_sub(FRESH).unwrap();
        *memory.0.lock().unwrap() = Some(Known {
            asked,
            builds: builds(),
            value: 1,
        });
        let load = |value: u32| async move { Ok(Some(value)) };
        assert_eq!(memory.get(load(2)).await.unwrap(), Some(1));
        tokio::task::yield_now().await;
        assert_eq!(memory.get(load(3)).await.unwrap(), Some(2));
    }
}
