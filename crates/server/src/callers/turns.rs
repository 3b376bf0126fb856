//! How many turns of a server a tenant may have, and how many it leaves to others.

/// A server with fewer turns than these keeps none for its operator.
const FEW: usize = 4;

/// The turns of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turns {
    /// Most at a time.
    pub(super) limit: usize,
    /// Those that stay free when it takes another one.
    pub(super) spared: usize,
    /// Those that stay free when it takes its first one: the operator's.
    pub(super) kept: usize,
}

impl Turns {
    /// Those of a tenant with this `maxConcurrent`, on a server with `all` turns. A limit that the configuration gives this very
    /// tenant is a share that it has for itself; one of all tenants is none.
    pub(super) fn of_tenant(all: usize, limit: Option<u64>, has_own_share: bool) -> Self {
        let (half, kept) = if all < FEW {
            (1, 0)
        } else {
            (all.div_ceil(2), 1)
        };
        let default = all.saturating_sub(half).max(1);
        let limit = limit.map_or(default, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX).min(all)
        });
        // Whoever may have all turns leaves none.
        let rest = all - limit;
        let kept = kept.min(rest);
        Self {
            limit,
            spared: if has_own_share { kept } else { half.min(rest) },
            kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_half_of_the_turns_unless_it_has_a_share_of_its_own() {
        let turns = |all, limit, has_own_share| {
            let Turns {
                limit,
                spared,
                kept,
            } = Turns::of_tenant(all, limit, has_own_share);
            (limit, spared, kept)
        };
        for (all, expected) in [
            (1, (1, 0, 0)),
            (2, (1, 1, 0)),
            (3, (2, 1, 0)),
            (4, (2, 2, 1)),
            (5, (2, 3, 1)),
            (10, (5, 5, 1)),
        ] {
            assert_eq!(turns(all, None, false), expected, "{all}");
        }
        // A limit below the default spares no fewer, and one above it is what the configuration wants.
        assert_eq!(turns(10, Some(3), false), (3, 5, 1));
        assert_eq!(turns(10, Some(8), false), (8, 2, 1));
        assert_eq!(turns(10, Some(10), false), (10, 0, 0));
        assert_eq!(turns(10, Some(5), true), (5, 1, 1));
        assert_eq!(turns(10, Some(99), true), (10, 0, 0));
    }
}
