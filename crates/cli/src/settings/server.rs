//! Which server a command uses, and with which key.

use isol8_client::{ConnectionError, RemoteClient, is_same_host};
use jiff::Timestamp;

use super::credentials::CredentialsFile;
use crate::{failure::Failure, output::Console};

/// A server. `Debug` shows no key.
pub(crate) struct ServerSettings {
    pub(crate) host: String,
    pub(crate) key: String,
}

impl std::fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSettings")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl ServerSettings {
    /// The key comes from its flag, from the environment, or from `isol8 login` at the same host.
    pub(crate) fn resolve(
        host: &str,
        key: Option<String>,
        console: Console,
    ) -> Result<Self, Failure> {
        let key = match key.or_else(key_of_environment).filter(|key| !is_blank(key)) {
            Some(key) => key,
            None => stored(host, console)?.ok_or_else(|| {
                let text = "API key required. Use --key, ISOL8_API_KEY env var, or `isol8 login`.";
                Failure::Usage(text.to_owned())
            })?,
        };
        Ok(Self {
            host: host.to_owned(),
            key,
        })
    }

    /// The same without stored keys.
    pub(crate) fn with_given_key(host: String, key: Option<String>) -> Result<Self, Failure> {
        let key = key.or_else(key_of_environment).filter(|key| !is_blank(key));
        let key = key.ok_or_else(|| {
            Failure::Usage("API key required. Use --key or ISOL8_API_KEY env var.".to_owned())
        })?;
        Ok(Self { host, key })
    }

    /// A client of it. Sends nothing.
    pub(crate) fn client(&self) -> Result<RemoteClient, Failure> {
        RemoteClient::new(&self.host, &self.key).map_err(|error| match error {
            // The flag has another name than the field.
            ConnectionError::Key => Failure::Usage(
                "Invalid --key: it has characters that no HTTP header can have.".to_owned(),
            ),
            ConnectionError::Host { .. } | ConnectionError::Credentials => {
                let text = error.to_string();
                Failure::Usage(text.replacen("Invalid host", "Invalid --host", 1))
            }
            error => error.into(),
        })
    }
}

fn key_of_environment() -> Option<String> {
    std::env::var("ISOL8_API_KEY")
        .ok()
        .filter(|key| !is_blank(key))
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The key that `isol8 login` has stored for this host, while it is valid.
fn stored(host: &str, console: Console) -> Result<Option<String>, Failure> {
    let Some(file) = CredentialsFile::of_user() else {
        return Ok(None);
    };
    let Some(stored) = file
        .load()?
        .filter(|stored| is_same_host(&stored.host, host))
    else {
        return Ok(None);
    };
    if stored.have_expired(Timestamp::now()) {
        console.warn("Stored credentials have expired. Run `isol8 login` to re-authenticate.");
        return Ok(None);
    }
    Ok(Some(stored.token))
}
