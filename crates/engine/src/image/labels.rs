//! Labels of our images.

/// Digest of everything that a base image was built from.
pub const BUILD_HASH_LABEL: &str = "org.isol8.build.hash";

/// Digest of a custom image's runtime, packages and setup script.
pub const DEPENDENCY_HASH_LABEL: &str = "org.isol8.deps.hash";

/// Runtime of an image.
pub const RUNTIME_LABEL: &str = "org.isol8.runtime";

/// Packages of a custom image, sorted and joined with commas.
pub const DEPENDENCIES_LABEL: &str = "org.isol8.dependencies";

/// Setup script of a custom image, whole.
pub const SETUP_LABEL: &str = "org.isol8.setup";
