//! What the pool does next, without a sandbox in sight.

use super::{Action::*, *};

/// Those above 100 are parked, those above 50 nearly so.
impl Parked for u32 {
    fn readiness(&self) -> u8 {
        u8::from(*self > 50) + u8::from(*self > 100)
    }

    fn is_parked(&self) -> bool {
        *self > 100
    }
}

#[test]
fn a_parked_sandbox_is_preferred_and_then_the_last_used_one() {
    let mut pool = state(PoolStrategy::Fast);
    for sandbox in [1, 101, 51, 102, 2] {
        pool.returned_unused(sandbox, Instant::now());
    }
    for (waiter, sandbox) in [('a', 102), ('b', 101), ('c', 51), ('d', 2), ('e', 1)] {
        assert_eq!(pool.acquire(waiter), [Give(waiter, sandbox)]);
    }
}

fn state(strategy: PoolStrategy) -> State<u32, char> {
    State::new(Rules {
        strategy,
        clean: 1,
        dirty: 1,
        reusable: true,
        parks: false,
    })
}

#[test]
fn first_caller_gets_the_sandbox_that_is_made_for_it() {
    let mut pool = state(PoolStrategy::Fast);
    assert_eq!(pool.acquire('a'), [Create]);
    assert_eq!(pool.created(Some(1), Instant::now()), [Give('a', 1)]);
}

#[test]
fn fast_resets_at_once_and_hands_out_the_clean_one() {
    let mut pool = state(PoolStrategy::Fast);
    let now = Instant::now();
    pool.acquire('a');
    pool.created(Some(1), now);
    assert_eq!(pool.released(1), [Clean(1)]);
    assert_eq!(pool.cleaned(Some(1), now), []);
    assert_eq!(pool.acquire('b'), [Give('b', 1)]);
}

#[test]
fn one_that_is_reset_can_be_spared_when_there_is_another() {
    let mut pool = state(PoolStrategy::Fast);
    assert_eq!(pool.released(1), [Clean(1)]);
    assert!(!pool.can_spare_one(), "the next program comes to this one");
    pool.returned_unused(2, Instant::now());
    assert!(pool.can_spare_one());
    assert_eq!(pool.acquire('a'), [Give('a', 2)]);
    pool.acquire('b');
    assert!(!pool.can_spare_one());
}

#[test]
fn a_pool_is_ahead_while_more_interpreters_wait_than_the_next_program_takes() {
    let mut pool = state(PoolStrategy::Fast);
    for sandbox in [101, 51, 2] {
        pool.returned_unused(sandbox, Instant::now());
        assert!(!pool.is_ahead(), "{sandbox}");
    }
    pool.returned_unused(102, Instant::now());
    assert!(pool.is_ahead());
    assert_eq!(pool.acquire('a'), [Give('a', 102)]);
    assert!(!pool.is_ahead());
}

#[test]
fn secure_resets_when_a_sandbox_is_needed() {
    let mut pool = state(PoolStrategy::Secure);
    assert_eq!(pool.released(1), []);
    assert_eq!(pool.acquire('a'), [Clean(1)]);
    assert_eq!(pool.cleaned(Some(1), Instant::now()), [Give('a', 1)]);
}

#[test]
fn a_caller_waits_for_a_reset_rather_than_for_a_new_sandbox() {
    let mut pool = state(PoolStrategy::Fast);
    assert_eq!(pool.released(1), [Clean(1)]);
    assert_eq!(pool.acquire('a'), []);
    assert_eq!(pool.cleaned(Some(1), Instant::now()), [Give('a', 1)]);
}

#[test]
fn a_failed_reset_is_replaced_for_the_one_who_waits() {
    let mut pool = state(PoolStrategy::Fast);
    assert_eq!(pool.released(1), [Clean(1)]);
    assert_eq!(pool.acquire('a'), []);
    assert_eq!(pool.cleaned(None, Instant::now()), [Create]);
    assert_eq!(pool.created(Some(2), Instant::now()), [Give('a', 2)]);
}

#[test]
fn a_failed_start_reaches_one_waiter_and_no_more() {
    let mut pool = state(PoolStrategy::Fast);
    assert_eq!(pool.acquire('a'), [Create]);
    assert_eq!(pool.acquire('b'), [Create]);
    assert_eq!(pool.created(None, Instant::now()), [Fail('a')]);
    assert_eq!(pool.created(Some(1), Instant::now()), [Give('b', 1)]);
}

#[test]
fn waiters_are_served_in_order_of_arrival() {
    let mut pool = state(PoolStrategy::Fast);
    for waiter in ['a', 'b', 'c'] {
        assert_eq!(pool.acquire(waiter), [Create]);
    }
    for (sandbox, waiter) in [(7, 'a'), (8, 'b'), (9, 'c')] {
        assert_eq!(
            pool.created(Some(sandbox), Instant::now()),
            [Give(waiter, sandbox)]
        );
    }
}

#[test]
fn refill_keeps_the_configured_number_ready_and_no_more() {
    let mut pool = state(PoolStrategy::Fast);
    assert_eq!(pool.refill(true), [Create]);
    assert_eq!(pool.refill(true), []);
    assert_eq!(pool.created(Some(1), Instant::now()), []);
    assert_eq!(pool.refill(true), []);
    assert_eq!(pool.acquire('a'), [Give('a', 1)]);
    assert_eq!(pool.refill(true), [Create]);
}

#[test]
fn what_is_out_of_date_is_reset_and_stays() {
    let mut pool = state(PoolStrategy::Fast);
    let now = Instant::now();
    pool.returned_unused(1, now);
    assert_eq!(pool.renew(), [Clean(1)]);
    assert_eq!(pool.refill(true), []);
    assert_eq!(pool.acquire('a'), []);
    assert_eq!(pool.cleaned(Some(1), now), [Give('a', 1)]);
}

#[test]
fn more_are_kept_ahead_while_programs_come_too_soon_and_there_is_room() {
    let mut pool: State<u32, char> = State::new(Rules {
        strategy: PoolStrategy::Fast,
        clean: 1,
        dirty: 2,
        reusable: true,
        parks: true,
    });
    let now = Instant::now();
    pool.returned_unused(1, now);
    assert_eq!(pool.acquire('a'), [Give('a', 1)]);
    pool.returned_unused(101, now);
    assert_eq!(pool.refill(false), []);
    assert_eq!(pool.refill(true), [Create]);
    pool.created(Some(102), now);
    for _ in 0..CALM {
        assert_eq!(pool.refill(true), []);
        assert_eq!(pool.acquire('b'), [Give('b', 102)]);
        pool.returned_unused(102, now);
    }
    pool.acquire('c');
    assert_eq!(pool.refill(true), []);
}

#[test]
fn a_burst_is_kept_for_a_while_and_then_trimmed_to_size() {
    let mut pool = state(PoolStrategy::Fast);
    let now = Instant::now();
    for sandbox in 0..4 {
        pool.acquire('x');
        pool.created(Some(sandbox), now);
    }
    for sandbox in 0..4 {
        pool.released(sandbox);
    }
    for sandbox in 0..4 {
        pool.cleaned(Some(sandbox), now);
    }
    assert!(pool.has_surplus());
    assert_eq!(pool.trim(now), []);
    assert_eq!(pool.trim(now + LINGER), [Destroy(0), Destroy(1)]);
    assert!(!pool.has_surplus());
    assert_eq!(pool.trim(now + LINGER), []);
}

#[test]
fn what_cannot_be_proved_clean_is_destroyed() {
    let rules = Rules {
        strategy: PoolStrategy::Fast,
        clean: 1,
        dirty: 1,
        reusable: false,
        parks: false,
    };
    let mut pool: State<u32, char> = State::new(rules);
    assert_eq!(pool.released(1), [Destroy(1)]);
}

#[test]
fn closing_destroys_everything_now_or_when_it_comes_back() {
    let mut pool = state(PoolStrategy::Fast);
    pool.refill(true);
    pool.created(Some(1), Instant::now());
    assert_eq!(pool.acquire('a'), [Give('a', 1)]);
    pool.refill(true);
    assert_eq!(pool.acquire('b'), []);
    assert_eq!(pool.close(), [Fail('b')]);
    assert_eq!(pool.released(1), [Destroy(1)]);
    assert_eq!(pool.created(Some(2), Instant::now()), [Destroy(2)]);
    assert_eq!(pool.refill(true), []);
}

#[test]
fn a_retired_pool_keeps_nothing_and_serves_those_who_wait() {
    let mut pool = state(PoolStrategy::Fast);
    let now = Instant::now();
    assert_eq!(pool.acquire('a'), [Create]);
    pool.returned_unused(9, now);
    // The one who waits has taken it; another one is made meanwhile.
    assert_eq!(pool.created(Some(1), now), []);
    assert_eq!(pool.acquire('b'), [Give('b', 1)]);
    assert_eq!(pool.acquire('c'), [Create]);
    pool.released(1);
    assert_eq!(pool.idle(), 0, "it is being reset");
    assert_eq!(pool.retire(), []);
    assert_eq!(pool.cleaned(Some(1), now), [Give('c', 1)]);
    assert_eq!(pool.created(Some(2), now), [Destroy(2)]);
    assert_eq!(pool.released(1), [Destroy(1)]);
    assert!(!pool.lacks_one(true));
    assert_eq!(pool.acquire('d'), [Create]);
    assert_eq!(pool.created(Some(3), now), [Give('d', 3)]);
}

#[test]
fn a_pool_that_retires_gives_its_idle_sandboxes_up() {
    let mut pool = state(PoolStrategy::Secure);
    pool.returned_unused(1, Instant::now());
    pool.released(2);
    assert_eq!(pool.idle(), 2);
    assert_eq!(pool.retire(), [Destroy(1), Destroy(2)]);
    assert_eq!(pool.idle(), 0);
}

#[test]
fn what_is_idle_is_given_back_and_the_next_caller_gets_a_new_one() {
    let mut pool = state(PoolStrategy::Secure);
    pool.returned_unused(1, Instant::now());
    pool.released(2);
    assert_eq!(pool.give_back(), [Destroy(1), Destroy(2)]);
    assert_eq!((pool.idle(), pool.give_back()), (0, vec![]));
    assert_eq!(pool.acquire('a'), [Create]);
    assert_eq!(pool.created(Some(3), Instant::now()), [Give('a', 3)]);
    // It is kept as before.
    assert_eq!(pool.released(3), []);
    assert_eq!(pool.idle(), 1);
}
