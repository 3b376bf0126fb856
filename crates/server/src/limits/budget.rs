//! How much memory the requests that clients send may take, all together and for each tenant. The structure of JSON counts
//! beside its length: small values take many times their text.

mod charged;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{body::Body, extract::FromRequestParts, http::request::Parts, response::Response};

use self::charged::Charged;
use crate::{callers::Owner, error::ApiError};

/// What one byte of a request takes: itself, and its copy among the values that are read from the text.
const PER_BYTE: usize = 2;

/// What one value of JSON takes beside its text, in bytes: its header twice, since values are converted, with room to
/// spare in lists and maps. Measured with lists of numbers and of short strings.
const PER_VALUE: usize = 160;

/// How many values an object counts for: a map has room for eleven entries from its first one on.
const PER_OBJECT: usize = 4;

/// The part of the budget that one tenant may take: a half.
const TENANT_PART: usize = 2;

/// The least budget, in largest bodies. One of them fits in a tenant's part, with values.
const LEAST_BODIES: usize = 6;

/// The budget of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Budget {
    limit: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_owner: HashMap<Owner, usize>,
}

impl Budget {
    /// A budget of `bytes`, or of more where bodies may have `max_body_bytes` each.
    pub(crate) fn new(bytes: usize, max_body_bytes: usize) -> Self {
        Self {
            limit: bytes.max(max_body_bytes.saturating_mul(LEAST_BODIES)),
            taken: Arc::default(),
        }
    }

    /// How much is taken, in bytes.
    pub(crate) fn taken(&self) -> usize {
        self.lock().all
    }

    /// What a request of `owner` takes: nothing so far.
    pub(crate) fn open(&self, owner: &Owner) -> Charge {
        Charge(Arc::new(Held {
            budget: self.clone(),
            owner: owner.clone(),
            bytes: Mutex::new(0),
        }))
    }

    fn limit_of(&self, owner: &Owner) -> usize {
        match owner {
            Owner::Operator => self.limit,
            Owner::Tenant(_) => self.limit / TENANT_PART,
        }
    }

    fn take(&self, owner: &Owner, bytes: usize) -> Result<(), ApiError> {
        let mut taken = self.lock();
        let own = taken.by_owner.get(owner).copied().unwrap_or(0);
        if own.saturating_add(bytes) > self.limit_of(owner) {
            return Err(ApiError::NoMemory { of_caller: true });
        }
        let free = self.limit.checked_sub(taken.all.saturating_add(bytes));
        let is_enough = free.is_some_and(|free| match owner {
            Owner::Operator => true,
            // Each tenant leaves as much as it has, so that several together leave some.
            Owner::Tenant(_) => own + bytes <= free,
        });
        if !is_enough {
            return Err(ApiError::NoMemory { of_caller: false });
        }
        taken.all += bytes;
        taken.by_owner.insert(owner.clone(), own + bytes);
        Ok(())
    }

    fn give_back(&self, owner: &Owner, bytes: usize) {
        let mut taken = self.lock();
        taken.all = taken.all.saturating_sub(bytes);
        if let Some(own) = taken.by_owner.get_mut(owner) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                taken.by_owner.remove(owner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one request takes. Clones are one charge, which is given back when the last of them is dropped.
#[derive(Clone)]
pub(crate) struct Charge(Arc<Held>);

struct Held {
    budget: Budget,
    owner: Owner,
    bytes: Mutex<usize>,
}

impl Charge {
    /// Takes what this many more bytes of the request need.
    pub(crate) fn add(&self, length: usize) -> Result<(), ApiError> {
        self.take(length.saturating_mul(PER_BYTE))
    }

    /// Takes what the values of a text of JSON need beside the text.
    pub(crate) fn add_structure(&self, json: &[u8]) -> Result<(), ApiError> {
        self.take(values(json).saturating_mul(PER_VALUE))
    }

    /// Most that one request of its owner may take, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.0.budget.limit_of(&self.0.owner)
    }

    /// Takes what an answer of this many bytes needs until it has been sent.
    pub(crate) fn add_answer(&self, length: usize) -> Result<(), ApiError> {
        // The request is not what is too large, so this is no 413.
        self.take(length)
            .map_err(|_| ApiError::NoMemory { of_caller: true })
    }

    /// Gives back what this many bytes of the request took.
    pub(crate) fn give_back(&self, length: usize) {
        let mut own = self.0.lock();
        let bytes = length.saturating_mul(PER_BYTE).min(*own);
        *own -= bytes;
        self.0.budget.give_back(&self.0.owner, bytes);
    }

    fn take(&self, bytes: usize) -> Result<(), ApiError> {
        let Held { budget, owner, .. } = &*self.0;
        let mut own = self.0.lock();
        let limit = budget.limit_of(owner);
        if own.saturating_add(bytes) > limit {
            // Waiting for others would not help.
            return Err(ApiError::TooManyValues { limit });
        }
        budget.take(owner, bytes)?;
        *own += bytes;
        Ok(())
    }

    /// `response`, which keeps the charge until it has been sent or given up.
    pub(crate) fn until_sent(self, response: Response) -> Response {
        response.map(|body| Body::new(Charged::new(body, self)))
    }
}

impl<S: Sync> FromRequestParts<S> for Charge {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Put there with the key, which comes before everything else.
        let charge = parts.extensions.get::<Self>();
        charge.cloned().ok_or(ApiError::NoKey)
    }
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let bytes = *self.lock();
        self.budget.give_back(&self.owner, bytes);
    }
}

/// About how many values a text of JSON has. What is in strings counts for nothing.
fn values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b':' | b'[' if !in_string => count += 1,
            b'{' if !in_string => count += PER_OBJECT,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_and_what_is_in_strings_does_not() {
        assert_eq!(values(br#"{"a":[1,2]}"#), 3 + PER_OBJECT);
        assert_eq!(values(br#"{"a,[{:\",[":"b,\\"}"#), 1 + PER_OBJECT);
        let arrays = format!("[{}[]]", "[],".repeat(999_999));
        assert!(values(arrays.as_bytes()) >= 1_000_000);
    }

    #[test]
    fn everything_is_given_back_with_the_last_clone() {
        let budget = Budget::new(10_000, 0);
        let charge = budget.open(&Owner::Operator);
        charge.add(100).unwrap();
        charge.add_structure(br#"{"a":[1,2]}"#).unwrap();
        assert_eq!(
            budget.taken(),
            100 * PER_BYTE + (3 + PER_OBJECT) * PER_VALUE
        );
        let clone = charge.clone();
        drop(charge);
        assert_eq!(
            budget.taken(),
            100 * PER_BYTE + (3 + PER_OBJECT) * PER_VALUE
        );
        drop(clone);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn an_answer_takes_its_length_and_has_to_wait_where_there_is_no_room() {
        let budget = Budget::new(1000, 0);
        let charge = budget.open(&Owner::Tenant("a".into()));
        charge.add_answer(400).unwrap();
        assert_eq!(budget.taken(), 400);
        assert!(matches!(
            charge.add_answer(200),
            Err(ApiError::NoMemory { of_caller: true })
        ));
        drop(charge);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn a_tenant_leaves_room_for_others_and_the_largest_body_fits() {
        let budget = Budget::new(0, 1000);
        let (a, b) = (Owner::Tenant("a".into()), Owner::Tenant("b".into()));
        let (first, second) = (budget.open(&a), budget.open(&a));
        first.add(1000).unwrap();
        assert!(matches!(
            second.add(1000),
            Err(ApiError::NoMemory { of_caller: true })
        ));
        let other = budget.open(&b);
        other.add(1000).unwrap();
        // Two tenants cannot take everything.
        assert!(matches!(
            other.add(1),
            Err(ApiError::NoMemory { of_caller: false })
        ));
        assert!(matches!(
            other.add(1000),
            Err(ApiError::TooManyValues { limit: 3000 })
        ));
        let operator = budget.open(&Owner::Operator);
        operator.add(1000).unwrap();
        assert!(matches!(
            operator.add(1),
            Err(ApiError::NoMemory { of_caller: false })
        ));
        drop((operator, other));
        drop(first);
        second.add(1000).unwrap();
    }
}
