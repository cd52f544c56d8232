//! Boots: the transfers of one machine that belong together, and a verdict on each.
