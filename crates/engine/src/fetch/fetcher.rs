//! From a URL to a program: each hop checked, resolved once and dialled where it was checked; the
//! result bounded, textual and the one expected.

use std::{net::IpAddr, sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{StatusCode, header};
use isol8_egress::{LookupPlace, MAX_ADDRESSES, Resolver, SystemResolver, is_own};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    FetchError, FetchPolicyError,
    cache::Cache,
    dial::{Answer, Dialler},
    rules::{Rules, Target},
};
use crate::options::RemoteCodePolicy;

/// Most redirects on the way to a program.
const MAX_REDIRECTS: usize = 5;

/// What one request wants fetched.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// Where the program is.
    pub url: &'a str,
    /// SHA-256 in hex that it must have.
    pub hash: Option<&'a str>,
    /// Whether plain HTTP will do.
    pub insecure: bool,
}

/// Fetches programs under one policy, and remembers them.
pub struct Fetcher {
    policy: RemoteCodePolicy,
    /// `None` when the policy allows nothing anyway.
    rules: Option<Rules>,
    cache: Cache,
    resolver: Arc<dyn Resolver>,
    dialler: Dialler,
}

impl Fetcher {
    /// Compiles `policy`; the error names a pattern that is wrong. Does no I/O.
    pub fn new(policy: &RemoteCodePolicy) -> Result<Self, FetchPolicyError> {
        Self::with(
            policy,
            Arc::new(SystemResolver::default()),
            Dialler::default(),
        )
    }

    fn with(
        policy: &RemoteCodePolicy,
        resolver: Arc<dyn Resolver>,
        dialler: Dialler,
    ) -> Result<Self, FetchPolicyError> {
        let rules = policy.enabled.then(|| Rules::new(policy)).transpose()?;
        let cache = Cache::new(policy.cache_ttl);
        Ok(Self {
            policy: policy.clone(),
            rules,
            cache,
            resolver,
            dialler,
        })
    }

    /// The program.
    ///
    /// Dropping the future closes the connection.
    pub async fn fetch(&self, request: FetchRequest<'_>) -> Result<String, FetchError> {
        let rules = self.rules.as_ref().ok_or(FetchError::Disabled)?;
        let mut url = Url::parse(request.url).map_err(|error| {
            FetchError::failed(format!(
                "codeUrl is no URL such as https://example.com/program.py: {error}"
            ))
        })?;
        url.set_fragment(None);
        let first = rules.check(&url, request.insecure)?;
        let hash = request.hash.map(str::trim).filter(|hash| !hash.is_empty());
        if self.policy.require_hash && hash.is_none() {
            return Err(FetchError::HashRequired);
        }
        let key = (url.as_str().to_owned(), request.insecure);
        let cached = self
            .policy
            .enable_cache
            .then(|| self.cache.get(&key, Instant::now()))
            .flatten();
        let code = if let Some(code) = cached {
            code
        } else {
            let limit = self.policy.fetch_timeout;
            let code =
                tokio::time::timeout(limit, self.follow(rules, url, first, request.insecure))
                    .await
                    .map_err(|_| FetchError::TimedOut {
                        ms: limit.as_millis(),
                    })??;
            if self.policy.enable_cache {
                self.cache.put(key, code.clone(), Instant::now());
            }
            code
        };
        if let Some(hash) = hash
            && !hex::encode(Sha256::digest(&code)).eq_ignore_ascii_case(hash)
        {
            return Err(FetchError::HashMismatch);
        }
        String::from_utf8(code.into()).map_err(|_| FetchError::Binary)
    }

    async fn follow(
        &self,
        rules: &Rules,
        mut url: Url,
        mut target: Target,
        insecure: bool,
    ) -> Result<Bytes, FetchError> {
        for _ in 0..=MAX_REDIRECTS {
            let addresses = self.addresses(rules, &target).await?;
            let answer = self.dialler.get(&url, &target, &addresses).await?;
            let Some(next) = redirect(&answer, &url)? else {
                return self.body(answer).await;
            };
            url = next;
            target = rules.check(&url, insecure)?;
        }
        Err(FetchError::failed(format_args!(
            "more than {MAX_REDIRECTS} redirects"
        )))
    }

    /// The addresses of `target`, all of which the rules must admit: a name that also points at a
    /// refused place is refused.
    async fn addresses(&self, rules: &Rules, target: &Target) -> Result<Vec<IpAddr>, FetchError> {
        let host = || target.host.as_str().to_owned();
        let mut found = if let Some(address) = target.host.ip() {
            vec![address]
        } else {
            let place = self.resolver.turn(LookupPlace::Single).await;
            self.resolver
                .resolve(target.host.as_str(), place)
                .await
                .map_err(|_| FetchError::Unresolved { host: host() })?
        };
        if found.is_empty() {
            return Err(FetchError::Unresolved { host: host() });
        }
        found.truncate(MAX_ADDRESSES);
        let admitted =
            |address: &IpAddr| rules.admits(target, *address, is_own(address.to_canonical()));
        if !found.iter().all(admitted) {
            return Err(FetchError::BlockedHost { host: host() });
        }
        Ok(found)
    }

    async fn body(&self, mut answer: Answer) -> Result<Bytes, FetchError> {
        let limit = self.policy.max_code_bytes;
        let too_large = FetchError::TooLarge { limit };
        let headers = answer.response.headers();
        let encoding = headers.get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(FetchError::failed("the answer is compressed"));
        }
        if hyper::body::Body::size_hint(answer.response.body()).lower() > limit {
            return Err(too_large);
        }
        let mut code = BytesMut::new();
        while let Some(frame) = answer.response.body_mut().frame().await {
            let frame = frame.map_err(FetchError::failed)?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            if (code.len() + data.len()) as u64 > limit {
                return Err(too_large);
            }
            code.extend_from_slice(data);
        }
        if code.contains(&0) || std::str::from_utf8(&code).is_err() {
            return Err(FetchError::Binary);
        }
        Ok(code.freeze())
    }
}

/// Where the answer sends us; `None` when it is the program.
fn redirect(answer: &Answer, url: &Url) -> Result<Option<Url>, FetchError> {
    let status = answer.response.status();
    let refused = || FetchError::failed(format_args!("HTTP {}", status.as_u16()));
    match status {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = answer
                .response
                .headers()
                .get(header::LOCATION)
                .ok_or_else(refused)?;
            let location = location.to_str().map_err(|_| refused())?;
            let mut next = url.join(location).map_err(FetchError::failed)?;
            next.set_fragment(None);
            Ok(Some(next))
        }
        status if status.is_success() => Ok(None),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests;
