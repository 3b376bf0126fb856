//! What is checked before a program is started.

use super::*;

fn request(argv: &[&str], env: &[(&str, &str)]) -> ExecRequest {
    ExecRequest {
        argv: argv.iter().map(|text| (*text).to_owned()).collect(),
        env: env
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect(),
        cwd: "/".to_owned(),
        ..ExecRequest::default()
    }
}

#[test]
fn the_program_is_looked_up_in_the_path_of_the_final_environment() {
    let image = [
        ("PATH".into(), "/image".into()),
        ("LANG".into(), "C".into()),
    ];
    let launch = Launch::new(&mut request(&["x"], &[("PATH", "/a::/b")]), &image).unwrap();
    assert_eq!(
        launch.candidates,
        [c"/a/x".into(), c"./x".into(), CString::from(c"/b/x")]
    );
    assert_eq!(
        launch.environ,
        [c"LANG=C".into(), CString::from(c"PATH=/a::/b")]
    );
}

#[test]
fn a_name_with_a_slash_is_not_looked_up() {
    let launch = Launch::new(&mut request(&["./x"], &[]), &[]).unwrap();
    assert_eq!(launch.candidates, [CString::from(c"./x")]);
}

#[test]
fn what_no_system_call_can_express_is_refused() {
    for (argv, env) in [
        (&[][..], &[][..]),
        (&[""], &[]),
        (&["a\0b"], &[]),
        (&["a"], &[("", "x")]),
        (&["a"], &[("a=b", "x")]),
        (&["a"], &[("a", "x\0")]),
    ] {
        assert!(
            Launch::new(&mut request(argv, env), &[]).is_err(),
            "{argv:?} {env:?}"
        );
    }
}
