use super::*;

fn tenant(id: &str) -> Owner {
    Owner::Tenant(id.into())
}

fn share(weight: u64, limit: usize) -> Share {
    Share {
        weight,
        limit,
        spared: 0,
        kept: 0,
    }
}

/// How many of some calls of `owner` begin at once.
fn begun(line: &mut Line<u32>, owner: &Owner, share: Share) -> usize {
    (0..20).filter(|_| line.try_begin(owner, share)).count()
}

#[test]
fn four_that_run_all_they_may_leave_a_turn_to_a_fifth_and_one_to_the_operator() {
    let sparing = Share {
        spared: 5,
        kept: 1,
        ..share(1, 5)
    };
    let [a, b, c, d] = ["a", "b", "c", "d"].map(tenant);
    let (fifth, sixth) = (tenant("e"), tenant("f"));
    let mut line = Line::new(10);
    assert_eq!(begun(&mut line, &a, sparing), 5);
    for owner in [&b, &c, &d] {
        assert_eq!(begun(&mut line, owner, sparing), 1);
    }
    for owner in [&a, &b, &c, &d] {
        line.wait(owner, sparing, 0);
    }
    assert!(line.next().is_none());
    assert_eq!(begun(&mut line, &fifth, sparing), 1);
    assert_eq!(begun(&mut line, &sixth, sparing), 0, "the last one is kept");
    line.wait(&sixth, sparing, 0);
    assert!(line.next().is_none());
    assert!(line.try_begin(&Owner::Operator, share(1, 10)));
    // The next turn is that of the one who has none, whoever has waited for longer.
    line.end(&a);
    assert_eq!(line.next().map(|(owner, _)| owner), Some(sixth));
    assert!(line.next().is_none());
    // The last one is kept again.
    line.end(&Owner::Operator);
    assert_eq!(begun(&mut line, &tenant("g"), sparing), 0);
    assert!(line.try_begin(&Owner::Operator, share(1, 10)));
}

#[test]
fn an_operator_whose_calls_always_wait_leaves_turns_to_tenants() {
    let operator = Owner::Operator;
    for (spared, expected) in [(5, 1), (1, 5)] {
        let sparing = Share {
            spared,
            kept: 1,
            ..share(1, 5)
        };
        let a = tenant("a");
        let mut line = Line::new(10);
        assert_eq!(begun(&mut line, &operator, share(1, 10)), 10);
        for call in 0..20 {
            line.wait(&operator, share(1, 10), call);
            line.wait(&a, sparing, call);
        }
        for _ in 0..10 {
            line.end(&operator);
            while line.next().is_some() {}
        }
        assert_eq!(line.running(&a), expected);
        assert_eq!(line.free(), 0);
    }
}

#[test]
fn whoever_is_refused_a_turn_leaves_nothing_behind() {
    let sparing = Share {
        kept: 1,
        ..share(1, 9)
    };
    let mut line = Line::<u32>::new(1);
    assert!(!line.try_begin(&tenant("a"), sparing));
    assert!(line.lanes.is_empty());
}

#[test]
fn whoever_runs_the_fewest_for_its_weight_is_next() {
    let (a, b) = (tenant("a"), tenant("b"));
    let mut line = Line::new(8);
    for call in 0..20 {
        line.wait(&a, share(3, 9), call);
    }
    for call in 0..20 {
        line.wait(&b, share(1, 9), call);
    }
    while line.next().is_some() {}
    assert_eq!((line.running(&a), line.running(&b)), (6, 2));
    for owner in [&a, &b, &b] {
        line.end(owner);
    }
    assert_eq!(line.next().map(|(owner, _)| owner), Some(b.clone()));
    while line.next().is_some() {}
    assert_eq!((line.running(&a), line.running(&b)), (6, 2));
}

#[test]
fn a_turn_that_somebody_waits_for_is_not_taken_by_others() {
    let (a, b) = (tenant("a"), tenant("b"));
    let mut line = Line::new(1);
    assert!(line.try_begin(&a, share(1, 9)));
    line.wait(&b, share(1, 9), 0);
    line.end(&a);
    assert!(!line.try_begin(&a, share(1, 9)));
    assert_eq!(line.next().map(|(owner, _)| owner), Some(b));
}

/// The ids of the next ones, each of whom ends at once.
fn order(line: &mut Line<u32>, count: usize) -> String {
    (0..count)
        .map(|_| {
            let (owner, _) = line.next().unwrap();
            line.end(&owner);
            owner.to_string()
        })
        .collect()
}

#[test]
fn a_thousand_that_wait_do_not_delay_the_first_of_another() {
    let (a, b) = (tenant("a"), tenant("b"));
    let mut line = Line::new(1);
    assert!(line.try_begin(&a, share(1, 9)));
    for call in 0..1000 {
        line.wait(&a, share(1, 9), call);
    }
    line.wait(&b, share(1, 9), 0);
    line.wait(&b, share(1, 9), 1);
    assert!(line.next().is_none(), "there is no turn");
    line.end(&a);
    assert_eq!(order(&mut line, 6), "ababaa");
}

#[test]
fn each_has_turns_by_its_weight_and_in_order_of_arrival() {
    let (a, b) = (tenant("a"), tenant("b"));
    let mut line = Line::new(1);
    for call in 0..20 {
        line.wait(&a, share(3, 9), call);
        line.wait(&b, share(1, 9), call);
    }
    let mut calls = Vec::new();
    let mut owners = String::new();
    for _ in 0..12 {
        let (owner, call) = line.next().unwrap();
        line.end(&owner);
        owners += &owner.to_string();
        if owner == a {
            calls.push(call);
        }
    }
    assert_eq!(owners, "aaabaaabaaab");
    assert_eq!(calls, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn nobody_has_more_turns_than_its_limit_and_the_rest_is_for_others() {
    let (a, b) = (tenant("a"), tenant("b"));
    let mut line = Line::new(3);
    assert!(line.try_begin(&a, share(1, 1)));
    assert!(!line.try_begin(&a, share(1, 1)));
    line.wait(&a, share(1, 1), 0);
    assert!(line.next().is_none());
    assert!(line.try_begin(&b, share(1, 9)));
    line.wait(&b, share(1, 9), 0);
    assert_eq!(line.next().unwrap().0, b);
    assert_eq!((line.free(), line.running(&a)), (0, 1));
    line.end(&a);
    assert_eq!(line.next().unwrap().0, a);
}

#[test]
fn whoever_leaves_has_no_turn_and_leaves_nothing_behind() {
    let (a, b) = (tenant("a"), tenant("b"));
    let mut line = Line::new(1);
    assert!(line.try_begin(&b, share(1, 9)));
    let ticket = line.wait(&a, share(1, 9), 0);
    line.wait(&b, share(1, 9), 1);
    line.leave(&a, ticket);
    line.leave(&a, ticket);
    line.end(&b);
    assert_eq!(line.next().unwrap(), (b.clone(), 1));
    line.end(&b);
    assert!(line.lanes.is_empty() && line.ring.is_empty());
    assert_eq!(line.free(), 1);
}
