// Building and finding images.

import type { DockerConnection } from "./docker.cjs";
import type { Runtime } from "./execution.cjs";

/** The progress of a build. */
export interface ImageProgress {
  /** The runtime whose image it is. */
  runtime: Runtime;
  /** Whether the build is running, is done or has failed. */
  status: "building" | "done" | "error";
  /** The step that runs, the error, or `Up to date` when nothing had to be built. */
  message?: string;
}

/** Where base images are built from. A field that is left out comes from the environment, else it has a default. */
export interface ImageSources {
  /** Image to build on, Debian or one like it. Environment: `ISOL8_BASE_IMAGE`. */
  baseImage?: string | undefined;
  /** Address of the npm registry. Environment: `ISOL8_NPM_REGISTRY`. */
  npmRegistry?: string | undefined;
  /** Address of the Debian mirror. Environment: `ISOL8_APT_MIRROR`. */
  aptMirror?: string | undefined;
  /** More certificate authorities, as PEM text. Environment: `ISOL8_EXTRA_CA`, the path of a PEM file. */
  caCertificates?: string | undefined;
}

/** Builds the base images that are missing or out of date. Rejects when a build fails. */
export declare function buildBaseImages(
  docker?: DockerConnection | null,
  onProgress?: ((progress: ImageProgress) => void) | null,
  force?: boolean,
  onlyRuntimes?: Runtime[],
  sources?: ImageSources,
): Promise<void>;

/**
 * Builds an image with packages and a setup script on the base image of a runtime. Builds a missing base image
 * first. Leaves an image of that name with the same contents alone, unless `force` is set. Rejects for an invalid
 * package name, and when a step fails. The message then has the step and its output.
 */
export declare function buildCustomImage(
  docker: DockerConnection | null | undefined,
  runtime: Runtime,
  packages: string[],
  /** Name of the image. Default: `isol8:<runtime>-custom-<hash>`. */
  tag?: string | null,
  onProgress?: ((progress: ImageProgress) => void) | null,
  force?: boolean,
  /** Script that runs in each sandbox of this image, before each program. */
  setupScript?: string,
): Promise<void>;

/** Whether the daemon has an image of that name. */
export declare function imageExists(
  docker: DockerConnection | null | undefined,
  name: string,
): Promise<boolean>;

/** Names of the labels on isol8's images. */
export declare const LABELS: {
  /** Hash of what a base image is built from. */
  readonly dockerHash: "org.isol8.build.hash";
  /** Hash of the dependencies in a custom image. */
  readonly depsHash: "org.isol8.deps.hash";
  /** The image's runtime. */
  readonly runtime: "org.isol8.runtime";
  /** Packages in it, sorted and joined by commas. */
  readonly dependencies: "org.isol8.dependencies";
  /** Its setup script. */
  readonly setupScript: "org.isol8.setup";
};
