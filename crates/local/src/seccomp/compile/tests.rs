use super::{super::program::*, *};

/// What a filter answers to a call, by running it.
fn run(filter: &[u8], machine: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let mut data = vec![number, machine, 0, 0];
    for argument in arguments {
        data.push((argument & 0xffff_ffff) as u32);
        data.push((argument >> 32) as u32);
    }
    let program: Vec<_> = filter.chunks_exact(8).collect();
    let (mut at, mut held) = (0, 0);
    loop {
        let bytes = program[at];
        let code = u16::from_ne_bytes([bytes[0], bytes[1]]);
        let (then, otherwise) = (usize::from(bytes[2]), usize::from(bytes[3]));
        let value = u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        at += 1;
        let mut choose = |holds| at += if holds { then } else { otherwise };
        match code {
            LOAD => held = data[value as usize / 4],
            AND => held &= value,
            JUMP => at += value as usize,
            JUMP_EQUAL => choose(held == value),
            JUMP_GREATER => choose(held > value),
            JUMP_GREATER_EQUAL => choose(held >= value),
            RETURN => return value,
            _ => panic!("an unknown instruction {code:#x}"),
        }
    }
}

const ALLOW: u32 = 0x7fff_0000;
const REFUSE: u32 = 0x0005_0001;
const MISSING: u32 = 0x0005_0026;

fn profile(text: &str) -> Profile {
    serde_json::from_str(text).unwrap()
}

fn strict() -> Profile {
    profile(super::super::STRICT)
}

#[test]
fn the_strict_profile_gives_each_call_the_answer_that_it_names() {
    for machine in [X86_64, AARCH64] {
        let filter = compile_for(&machine, &strict()).unwrap();
        let answers = answers(&machine, &strict(), REFUSE).unwrap();
        let newest = *answers.keys().next_back().unwrap();
        for number in 0..newest + 20 {
            let expected = match answers.get(&number) {
                Some(answer) if answer.alternatives.is_empty() => answer.otherwise,
                Some(_) => continue,
                None if number > newest => MISSING,
                None => REFUSE,
            };
            let answer = run(&filter, machine.audit, number, [0; 6]);
            assert_eq!(answer, expected, "{} {number}", machine.name);
        }
        assert_eq!(run(&filter, 3, 1, [0; 6]), 0, "another machine");
        assert!(filter.len() / 8 < 500, "{} instructions", filter.len() / 8);
    }
    let filter = compile_for(&X86_64, &strict()).unwrap();
    assert_eq!(
        run(&filter, X86_64.audit, X32 + 1, [0; 6]),
        0,
        "another interface"
    );
}

#[test]
fn conditions_of_the_strict_profile_hold() {
    let filter = compile_for(&X86_64, &strict()).unwrap();
    let call = |name: &str, arguments: [u64; 3]| {
        let [a, b, c] = arguments;
        let number = (X86_64.number)(name).unwrap();
        run(&filter, X86_64.audit, number, [a, b, c, 0, 0, 0])
    };
    assert_eq!(call("clone", [17, 0, 0]), ALLOW);
    for new in [0x2_0000, 0x400_0000, 0x1000_0000, 0x4000_0000] {
        assert_eq!(call("clone", [0x11 | new, 0, 0]), REFUSE, "{new:#x}");
    }
    assert_eq!(call("clone3", [0; 3]), MISSING);
    assert_eq!(call("socket", [1, 1, 0]), ALLOW);
    assert_eq!(call("socket", [2, 1 | 0o2_000_000, 6]), ALLOW);
    assert_eq!(call("socket", [2, 3, 0]), REFUSE, "raw");
    assert_eq!(call("socket", [16, 3, 0]), ALLOW);
    assert_eq!(call("socket", [16, 3, 9]), REFUSE);
    assert_eq!(call("socket", [1 | 1 << 32, 1, 0]), REFUSE, "upper half");
    assert_eq!(call("seccomp", [1, 8, 0]), ALLOW);
    assert_eq!(call("seccomp", [1, 0, 0]), REFUSE);
    assert_eq!(call("personality", [0xffff_ffff, 0, 0]), ALLOW);
    assert_eq!(call("personality", [8, 0, 0]), REFUSE);
    for name in ["fsetxattr", "lsetxattr", "setxattr"] {
        let number = (X86_64.number)(name).unwrap();
        let with = |size| run(&filter, X86_64.audit, number, [0, 0, 0, size, 0, 0]);
        let answers = [1024, 1025, 1 << 32].map(with);
        assert_eq!(answers, [ALLOW, REFUSE, REFUSE], "{name}");
    }
}

#[test]
fn every_comparison_looks_at_all_64_bits() {
    let big = 5 << 32 | 7;
    for (op, holds) in [
        ("EQ", [false, false, true, false, false]),
        ("NE", [true, true, false, true, true]),
        ("LT", [true, true, false, false, false]),
        ("LE", [true, true, true, false, false]),
        ("GT", [false, false, false, true, true]),
        ("GE", [false, false, true, true, true]),
    ] {
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                "args": [{{"index": 1, "value": {big}, "op": "SCMP_CMP_{op}"}}]}}]}}"#
        );
        let filter = compile_for(&X86_64, &profile(&text)).unwrap();
        let values = [4 << 32 | 9, 5 << 32 | 6, big, 5 << 32 | 8, 6 << 32 | 1];
        for (value, holds) in values.into_iter().zip(holds) {
            let answer = run(&filter, X86_64.audit, 0, [0, value, 0, 0, 0, 0]);
            assert_eq!(answer == ALLOW, holds, "{value:#x} {op} {big:#x}");
        }
    }
}

#[test]
fn what_a_filter_would_not_do_is_refused() {
    let text = r#"{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x", "syscalls": []}"#;
    assert!(serde_json::from_str::<Profile>(text).is_err());
    let text = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["ptrace"],
        "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "4.8"}}]}"#;
    assert!(compile_for(&X86_64, &profile(text)).is_err());
}

#[test]
fn a_distance_that_is_too_far_for_a_jump_is_made_with_two() {
    let names: Vec<_> = (0..300)
        .step_by(2)
        .filter_map(|number| Some(format!("{:?}", x86_64::Sysno::new(number)?)))
        .collect();
    let rules: Vec<_> = names
        .iter()
        .map(|name| {
            format!(
                r#"{{"names": ["{name}"], "action": "SCMP_ACT_ALLOW",
                    "args": [{{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}}]}}"#
            )
        })
        .collect();
    let text = format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}}"#,
        rules.join(",")
    );
    let filter = compile_for(&X86_64, &profile(&text)).unwrap();
    for (number, first, expected) in [
        (0, 1, ALLOW),
        (0, 2, REFUSE),
        (1, 1, REFUSE),
        (298, 1, ALLOW),
    ] {
        let answer = run(&filter, X86_64.audit, number, [first, 0, 0, 0, 0, 0]);
        assert_eq!(answer, expected, "{number} {first}");
    }
}

#[test]
fn conditions_of_one_argument_are_alternatives_as_for_runc() {
    let condition = |index: u32, value: u64| {
        format!(r#"{{"index": {index}, "value": {value}, "op": "SCMP_CMP_EQ"}}"#)
    };
    let filter = |conditions: &[String]| {
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"names": ["read"], "action": "SCMP_ACT_ERRNO",
                "args": [{}]}}]}}"#,
            conditions.join(",")
        );
        compile_for(&X86_64, &profile(&text)).unwrap()
    };
    let call =
        |filter: &[u8], first, second| run(filter, X86_64.audit, 0, [first, second, 0, 0, 0, 0]);
    let several = filter(&[condition(0, 1), condition(0, 2), condition(1, 3)]);
    for (first, second, expected) in [
        (1, 0, REFUSE),
        (2, 0, REFUSE),
        (0, 3, REFUSE),
        (0, 0, ALLOW),
    ] {
        assert_eq!(call(&several, first, second), expected, "{first} {second}");
    }
    let single = filter(&[condition(0, 1), condition(1, 3)]);
    assert_eq!(call(&single, 1, 3), REFUSE);
    assert_eq!(call(&single, 1, 0), ALLOW);
    let many: Vec<_> = (0..200).map(|value| condition(0, value)).collect();
    let many = filter(&many);
    assert_eq!(call(&many, 0, 0), REFUSE);
    assert_eq!(call(&many, 199, 0), REFUSE);
    assert_eq!(call(&many, 200, 0), ALLOW);
}
