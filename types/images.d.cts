// Runtime images.

import type { DockerConnection } from "./docker.cjs";
import type { Runtime } from "./execution.cjs";

/** How a build is getting on. */
export interface ImageProgress {
  /** The runtime whose image it is. */
  runtime: Runtime;
  /** Whether it runs, is there, or failed. */
  status: "building" | "done" | "error";
  /** The step, `Up to date` when there was nothing to do, or the error. */
  message?: string;
}

/** Where base images are built from. What is left out comes from the environment, else has a default. */
export interface ImageSources {
  /** Image to build on, Debian or like it. Environment: `ISOL8_BASE_IMAGE`. */
  baseImage?: string;
  /** npm registry. Environment: `ISOL8_NPM_REGISTRY`. */
  npmRegistry?: string;
  /** Debian mirror. Environment: `ISOL8_APT_MIRROR`. */
  aptMirror?: string;
  /** More certificate authorities, PEM. Environment: `ISOL8_EXTRA_CA`, a file. */
  caCertificates?: string;
}

/** Builds the base images that are missing or out of date. Rejects when one fails. */
export declare function buildBaseImages(
  docker?: DockerConnection | null,
  onProgress?: ((progress: ImageProgress) => void) | null,
  force?: boolean,
  onlyRuntimes?: Runtime[],
  sources?: ImageSources,
): Promise<void>;

/**
 * Builds an image with packages and a setup script on a runtime's base image, which is built too when
 * it is missing. An image of that name with the same contents is left alone, unless `force` is set.
 * Rejects when a package name is not one or when a step fails, with the step and its output.
 */
export declare function buildCustomImage(
  docker: DockerConnection | null | undefined,
  runtime: Runtime,
  packages: string[],
  /** Name of the image; `isol8:<runtime>-custom-<hash>` when absent. */
  tag?: string | null,
  onProgress?: ((progress: ImageProgress) => void) | null,
  force?: boolean,
  /** Script that runs in the sandbox before each program. */
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
