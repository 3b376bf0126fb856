// Order statistics of small samples, and waiting.

/** Returns a copy in ascending order. */
const ascending = (samples) => [...samples].sort((a, b) => a - b);

/** Returns the value below which `share` (0 to 1) of the samples lie: nearest rank, without interpolation. */
export function percentile(samples, share) {
  if (samples.length === 0) throw new Error("no samples");
  const rank = Math.ceil(share * samples.length);
  return ascending(samples)[Math.max(0, rank - 1)];
}

/** Returns the middle sample, or the mean of the middle two. */
export function median(samples) {
  if (samples.length === 0) throw new Error("no samples");
  const sorted = ascending(samples);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export const mean = (samples) => samples.reduce((sum, value) => sum + value, 0) / samples.length;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `action`. Returns how long it took, in milliseconds. */
export async function timed(action) {
  const since = performance.now();
  await action();
  return performance.now() - since;
}
