/** A text in the languages of the product. */
export interface Wording {
  readonly en: string
  readonly zh: string
}

/** What an image asks of a machine; compared with a node's facts by the catalog's compatibility table. */
export interface ImageNeeds {
  /** The CUDA runtime it carries, such as `12.8`; null for an image that uses no GPU. */
  readonly cuda: string | null
  /** The oldest NVIDIA driver that this runtime works with, such as `525.60.13`. */
  readonly driver: string | null
  /**
   * Compute capabilities that its programs were built for, such as `9.0`; none for an image without GPU use.
   */
  readonly gpuArchitectures: readonly string[]
  /** Room that it takes on a node, in GiB, rounded up. */
  readonly diskGib: number
}

/** How an image is made: a folder of the product (`images/recipes/<name>`), or of the operator. */
export interface Recipe {
  /** The image's name; lower case, such as `pytorch-cuda`. */
  readonly name: string
  /** What the catalog shows behind the colon, such as `2.9`. */
  readonly version: string
  /** The version of the image contract that it keeps. */
  readonly contract: number
  readonly title: Wording
  readonly description: Wording
  readonly publisher: string
  readonly licences: Wording
  readonly needs: ImageNeeds
  /** The recipe whose `system` stage it stands on; null for one that stands on Debian. */
  readonly parent: string | null
  /** Programs of `images/proofs` that must hold before a version is offered. */
  readonly proofs: readonly string[]
  /** SHA-256 (hex) over everything that the image is made of here: the same digest needs no new build. */
  readonly sourceDigest: string
}

/** How far a build is. Counted and read from the tools that work, never estimated. */
export interface BuildProgress {
  /** The step that is being worked on, from 1. */
  readonly step: number
  readonly steps: number
  /** What the step does, in a few English words, such as `pytorch-cuda: Python packages (torch-2.9.1)`. */
  readonly title: string
  /**
   * Bytes of the download that is under way; null where nothing is being downloaded, or its size is not
   * known.
   */
  readonly bytesDone: number | null
  readonly bytesTotal: number | null
}

/** An image that is on the engine, whole. */
export interface BuiltImage {
  readonly recipe: string
  readonly version: string
  readonly sourceDigest: string
  /** Its identity: `sha256:` and 64 hex digits. Tags move; this does not. */
  readonly imageId: string
  readonly sizeBytes: number
}

/** What one proof of an image said. */
export interface ProofResult {
  readonly name: string
  /** False where it did not hold. A skipped proof is not false: it needs something that was not there. */
  readonly ok: boolean
  readonly skipped: boolean
  readonly durationMs: number
  /** Figures and versions that were seen, or the reason. */
  readonly detail: Readonly<Record<string, unknown>>
}

/** What to prove, and on which GPUs (by UUID; none: what holds without one). */
export interface ProofRequest {
  readonly imageId: string
  readonly gpus: readonly string[]
}

/**
 * Makes images from recipes and proves them. Called by the builder loop, and by no room.
 * Every call may be repeated: a build that was cut off goes on from what the engine has kept.
 */
export interface ImageBuilder {
  /**
   * All recipes, each after the one that it stands on. Throws `invalid_request` for one that cannot be read.
   */
  listRecipes(signal: AbortSignal): Promise<readonly Recipe[]>
  /** The image that was built from exactly these sources, or null. */
  present(recipe: Recipe, signal: AbortSignal): Promise<BuiltImage | null>
  /**
   * Builds, or finds what is built already. The image exists only when everything has worked.
   * Throws `unavailable` with the failing step's last lines in `detail`; rejects with the signal's reason.
   */
  build(
    recipe: Recipe,
    onProgress: (progress: BuildProgress) => void,
    signal: AbortSignal,
  ): Promise<BuiltImage>
  /**
   * Runs an image's proofs in the locked profile, without network. A proof that does not hold is an answer.
   */
  prove(request: ProofRequest, signal: AbortSignal): Promise<readonly ProofResult[]>
}
