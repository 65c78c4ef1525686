import { canonicalHash } from '../kernel/canonical.ts'
import { sha256Hex } from '../kernel/ids.ts'
import type { AllocationSpec } from './driver.ts'

/**
 * The digest of everything that makes the container what it is. Probes are left out: they are questions of
 * ours and may change between two versions of the platform.
 */
export function specHash(spec: AllocationSpec): string {
  return canonicalHash({
    id: spec.id,
    subject: spec.subject,
    image: spec.image,
    command: spec.command,
    devices: spec.devices,
    environment: Object.fromEntries(spec.environment),
    files: Object.fromEntries([...spec.files].map(([name, text]) => [name, sha256Hex(text)])),
    mounts: spec.mounts.map((mount) => ({ ...mount })),
    ports: spec.ports,
    // Fractions of a CPU or of a GiB are allowed; a hashed number is whole, so they go as text.
    limits: Object.fromEntries(Object.entries(spec.limits).map(([name, value]) => [name, String(value)])),
    group: spec.group,
    purpose: spec.purpose,
  })
}
