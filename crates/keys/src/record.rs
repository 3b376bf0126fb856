//! A key as others see it.

use std::time::Duration;

/// A key that is to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// For people. At most 255 characters.
    pub name: String,
    /// Who it belongs to. At most 255 characters.
    pub tenant_id: String,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// A key that has just been made. Nobody can read it again.
pub struct IssuedKey {
    /// The key.
    pub key: String,
    /// What is kept of it.
    pub record: KeyRecord,
}

/// What a database keeps of a key. Times are in ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id, a UUID.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its first characters.
    pub key_prefix: String,
    /// Who it belongs to.
    pub tenant_id: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// When it was last shown; none when it never was.
    pub last_used_at: Option<String>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Who has shown a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// The key's id.
    pub key_id: String,
    /// The tenant that it belongs to.
    pub tenant_id: String,
}
