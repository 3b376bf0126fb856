//! `login` and `logout`: a key of a server, kept for later commands.

use isol8_api::http::NewKeyBody;
use isol8_client::{CallError, Reason};
use jiff::Timestamp;

use crate::{
    args::LoginArgs,
    failure::{Exit, Failure},
    output::{Console, print},
    printable::printable,
    settings::{CREDENTIALS, Credentials, CredentialsFile, ServerSettings},
};

/// Gets a key and keeps it.
pub(crate) async fn login(args: LoginArgs, console: Console) -> Result<Exit, Failure> {
    let LoginArgs {
        host,
        key,
        name,
        ttl,
    } = args;
    let server = ServerSettings::with_given_key(host, key)?;
    let file = CredentialsFile::of_user().ok_or_else(|| {
        Failure::Usage("There is no home directory to keep the key in: HOME is not set.".to_owned())
    })?;
    let body = NewKeyBody {
        name: Some(name.unwrap_or_else(|| format!("cli-login-{}", now()))),
        ttl_ms: ttl.map(f64::from),
        ..NewKeyBody::default()
    };
    let login = match server.client()?.login(&body).await {
        Ok(login) => login,
        Err(error) => return Ok(refused(&error, console)),
    };
    file.save(&Credentials {
        host: server.host.clone(),
        token: login.token,
        expires_at: login.expires_at.clone(),
        key_id: login.key_id,
    })?;
    console.ok("Authenticated successfully");
    console.note(&format!("  Host:    {}", server.host));
    console.note(&format!("  Expires: {}", printable(&login.expires_at)));
    console.note(&format!("  Stored:  {CREDENTIALS}"));
    Ok(Exit::Success)
}

/// The time in ISO 8601, with milliseconds.
fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

/// Explains why there is no key.
fn refused(error: &CallError, console: Console) -> Exit {
    let status = match &error.reason {
        Reason::Server { status, .. } | Reason::Status(status) => *status,
        reason => {
            console.error(&printable(&format!("Login failed: {reason}")));
            return Exit::Failed;
        }
    };
    console.error(&printable(&error.to_string()));
    if status == 400 {
        console.warn("DB-backed auth may not be enabled on the server.");
        console.warn("Start the server with --auth-db <path> to enable it.");
    }
    Exit::Failed
}

/// Forgets the key.
pub(crate) fn logout() -> Result<Exit, Failure> {
    let removed = match CredentialsFile::of_user() {
        Some(file) => file.remove()?,
        None => false,
    };
    print(&if removed {
        format!("[OK] Credentials removed from {CREDENTIALS}")
    } else {
        "[INFO] No stored credentials found.".to_owned()
    })
}
