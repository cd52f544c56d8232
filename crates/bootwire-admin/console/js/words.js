// What counters are called by people.

/** Why a request got no answer, by the name of its counter. @type {[string, string][]} */
const REFUSALS = [
  ["not_allowed", "not in an allowed network"],
  ["rate_limited", "beyond the rate of their address"],
  ["unproven_dropped", "beyond the unproven transfers of their address"],
  ["over_limit", "beyond the transfers allowed"],
  ["low_port", "from a port below 1024"],
  ["own_address", "from the server's own address"],
  ["broadcasts", "to a broadcast address"],
];

/**
 * Reasons that happened, the most frequent first.
 *
 * @param {import("../types").Counts} counts
 * @returns {[string, number][]}
 */
export function refusals(counts) {
  return REFUSALS.map(([key, name]) => /** @type {[string, number]} */ ([name, counts[key] ?? 0]))
    .filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a);
}
