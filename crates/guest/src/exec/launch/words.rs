//! The command line and the environment of a program, as the kernel takes them.

use std::{
    collections::BTreeMap,
    ffi::{CString, OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::Path,
};

use crate::failure::Failure;

/// Where programs are looked up when the environment has no `PATH`.
pub(super) const DEFAULT_PATH: &[u8] =
    b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables of the image, and over them those of the request.
pub(super) fn environment(
    image: &[(OsString, OsString)],
    request: &[(String, String)],
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Failure> {
    let mut environ: BTreeMap<_, _> = image
        .iter()
        .map(|(name, value)| (name.clone().into_vec(), value.clone().into_vec()))
        .collect();
    for (name, value) in request {
        if name.is_empty() || name.contains('=') {
            return Err(Failure::invalid(format!(
                "not a name of an environment variable: {name:?}"
            )));
        }
        environ.insert(name.clone().into_bytes(), value.clone().into_bytes());
    }
    Ok(environ)
}

/// Where a program may be: at its path, or under its name in each directory of `path`.
pub(super) fn candidates(name: &str, path: &[u8]) -> Result<Vec<CString>, Failure> {
    if name.contains('/') {
        return Ok(vec![c_string(name.into())?]);
    }
    path.split(|byte| *byte == b':')
        .map(|directory| {
            // An empty entry is the working directory.
            let directory = if directory.is_empty() {
                b"."
            } else {
                directory
            };
            c_string(
                Path::new(OsStr::from_bytes(directory))
                    .join(name)
                    .into_os_string()
                    .into_vec(),
            )
        })
        .collect()
}

/// The text may be a secret, so the failure does not repeat it.
pub(super) fn c_string(text: Vec<u8>) -> Result<CString, Failure> {
    CString::new(text)
        .map_err(|_| Failure::invalid("an argument or environment variable contains a NUL byte"))
}
