//! Labels of our containers and images.

use std::collections::HashMap;

/// Label of every container of ours.
pub const MANAGED_LABEL: &str = "isol8.managed";

/// Label that names the runtime of a container.
pub const RUNTIME_LABEL: &str = "isol8.runtime";

/// Label of a container that outlives the process that made it.
pub(crate) const PERSIST_LABEL: &str = "isol8.persist";

/// Label of a persisted container: the process that made it, as [`owner`](crate::owner) writes it.
pub(crate) const OWNER_LABEL: &str = "isol8.owner";

/// Label of an image: digest of everything that a base image was built from.
pub const BUILD_HASH_LABEL: &str = "org.isol8.build.hash";

/// Label of an image: digest of a custom image's runtime, packages and setup script.
pub const DEPENDENCY_HASH_LABEL: &str = "org.isol8.deps.hash";

/// Label of an image: its runtime.
pub const IMAGE_RUNTIME_LABEL: &str = "org.isol8.runtime";

/// Label of an image: packages of a custom image, sorted and joined with commas.
pub const DEPENDENCIES_LABEL: &str = "org.isol8.dependencies";

/// Label of an image: setup script of a custom image, whole.
pub const SETUP_LABEL: &str = "org.isol8.setup";

/// The labels that every container for `runtime` has.
pub(crate) fn of_container(runtime: &str) -> HashMap<String, String> {
    HashMap::from([
        (MANAGED_LABEL.to_owned(), "true".to_owned()),
        (RUNTIME_LABEL.to_owned(), runtime.to_owned()),
    ])
}
