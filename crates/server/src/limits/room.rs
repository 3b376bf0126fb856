//! How much a tenant may take of what all callers share: connections, sessions, places in the queue, memory.

use crate::callers::Owner;

/// Whether a caller that has `own` may take one more of `limit`, of which all have `taken`. The operator may take everything. A
/// tenant has no more than are free, so that several tenants together leave something to those who have nothing.
pub(crate) fn has_room(owner: &Owner, own: usize, taken: usize, limit: usize) -> bool {
    let free = limit.saturating_sub(taken);
    match owner {
        Owner::Operator => free > 0,
        Owner::Tenant(_) => own < free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many callers like `owner` have in the end, where each in turn takes all it may.
    fn taken(owner: &Owner, limit: usize, callers: usize) -> Vec<usize> {
        let mut all = 0;
        let each = (0..callers).map(|_| {
            let mut own = 0;
            while has_room(owner, own, all, limit) {
                own += 1;
                all += 1;
            }
            own
        });
        each.collect()
    }

    #[test]
    fn tenants_that_take_all_they_may_leave_something_to_others() {
        let tenant = Owner::Tenant("a".into());
        assert_eq!(taken(&tenant, 100, 5), [50, 25, 13, 6, 3]);
        assert_eq!(taken(&tenant, 1, 2), [1, 0]);
        assert_eq!(taken(&Owner::Operator, 100, 2), [100, 0]);
    }
}
