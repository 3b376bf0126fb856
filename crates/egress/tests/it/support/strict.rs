//! A strict reader of what leaves the proxy.

use isol8_egress::{Hello, Host, inspect};

use super::find;

/// Parses strictly what left on one connection: requests in origin form, each with one framing and
/// exactly one `Host`, which is `host`. The last request may be cut short. A TLS hello must name the
/// host.
pub(crate) fn requests_in(mut bytes: &[u8], host: &str) -> Result<usize, String> {
    if bytes.first() == Some(&22) {
        return match inspect(bytes) {
            Hello::Client(Some(name)) if Host::parse(&name) == Host::parse("allowed.test") => Ok(1),
            other => Err(format!("a hello that should not have left: {other:?}")),
        };
    }
    let mut count = 0;
    while let Some(end) = find(bytes, b"\r\n\r\n") {
        let (head, rest) = bytes.split_at(end + 4);
        count += 1;
        let fields = head[..end]
            .split(|&b| b == b'\n')
            .map(<[u8]>::trim_ascii_end);
        let mut fields = fields.map(|line| String::from_utf8_lossy(line).into_owned());
        let first = fields.next().unwrap_or_default();
        let words: Vec<&str> = first.split(' ').collect();
        if !matches!(words[..], [_, path, "HTTP/1.1"] if path.starts_with('/')) {
            return Err(format!("not a request line: {first:?}"));
        }
        let (mut hosts, mut length, mut chunked) = (Vec::new(), Vec::new(), 0);
        for field in fields {
            let (name, value) = field
                .split_once(':')
                .ok_or(format!("not a field: {field:?}"))?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "host" => hosts.push(value.to_owned()),
                "content-length" => length.push(value.parse::<usize>().map_err(|e| e.to_string())?),
                "transfer-encoding" if value == "chunked" => chunked += 1,
                "connection" if value == "Upgrade" => {}
                "upgrade" if value == "websocket" => {}
                "transfer-encoding" | "connection" | "upgrade" | "te" | "trailer" | "expect" => {
                    return Err(format!("must not leave: {field:?}"));
                }
                _ => {}
            }
        }
        if hosts != [host] {
            return Err(format!("hosts: {hosts:?}"));
        }
        bytes = match (&length[..], chunked) {
            ([], 0) => rest,
            ([length], 0) => rest.get(*length..).unwrap_or_default(),
            ([], 1) => after_chunks(rest)?,
            other => return Err(format!("framing: {other:?}")),
        };
    }
    // A head leaves in one write, but the connection may have been cut.
    Ok(count)
}

fn after_chunks(mut bytes: &[u8]) -> Result<&[u8], String> {
    loop {
        let Some(end) = find(bytes, b"\r\n") else {
            return Ok(&[]);
        };
        let size = std::str::from_utf8(&bytes[..end]).map_err(|e| e.to_string())?;
        let size = usize::from_str_radix(size, 16).map_err(|_| format!("chunk size {size:?}"))?;
        bytes = bytes.get(end + 2 + size..).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(bytes);
        }
        bytes = bytes
            .strip_prefix(b"\r\n")
            .ok_or("a chunk without an end")?;
        if size == 0 {
            return Ok(bytes);
        }
    }
}
