//! Rebuilds a judged request for upstream.

use hyper::body::{Body, Incoming};
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Uri, Version};

use crate::headers;
use crate::limits::HTTP_PORT;
use crate::target::Target;

/// Returns the request as it leaves: in origin form, HTTP/1.1, with the host that was judged and new
/// framing.
pub(super) fn rebuild(
    request: Request<Incoming>,
    target: &Target,
    upgrade: bool,
) -> Option<Request<Incoming>> {
    let (mut parts, body) = request.into_parts();
    let host = target.host.authority(target.port, HTTP_PORT);
    let host = HeaderValue::try_from(host).ok()?;
    headers::outbound(&mut parts.headers, host, body.size_hint().exact());
    if upgrade {
        headers::keep_upgrade(&mut parts.headers);
    }
    parts.uri = origin_form(&parts.uri)?;
    parts.version = Version::HTTP_11;
    Some(Request::from_parts(parts, body))
}

/// Returns path and query. An absolute URL may have no path, or only a query.
fn origin_form(uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if path.starts_with('/') {
        path.parse()
    } else {
        format!("/{path}").parse()
    }
    .ok()
}
