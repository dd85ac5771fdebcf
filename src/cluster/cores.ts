/** How many of the machine's cores one of several workers may keep busy: no more than there are together, at least one. */
export function shareOfCores(cores: number, workers: number): number {
  return Math.max(1, Math.floor(cores / workers))
}
