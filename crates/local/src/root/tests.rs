use super::*;

#[test]
fn a_program_is_found_by_the_name_of_its_runtime_whatever_its_file_is_called() {
    // Sandboxes have no such place of their own.
    let place = tempfile::tempdir_in("/var/tmp").unwrap();
    let bin = place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let program = bin.join("bun.exe");
    fs::write(&program, "").unwrap();
    let interpreter = Interpreter {
        name: "bun",
        program: program.clone(),
        prefix: Some(place.path().to_owned()),
        origin: Origin::Found,
        beside: Vec::new(),
    };
    let mut root = RootPlan::default();
    add_interpreter(&mut root, LINKS, "bun", &interpreter);
    let links: Vec<_> = root.links.iter().map(|(link, _)| link.as_str()).collect();
    assert_eq!(links, ["/usr/local/bin/bun.exe", "/usr/local/bin/bun"]);
    assert!(
        root.links
            .iter()
            .all(|(_, target)| Path::new(target) == program)
    );
}

fn interpreter(name: &'static str, prefix: &Path, origin: Origin) -> Interpreter {
    Interpreter {
        name,
        program: prefix.join("bin").join(name),
        prefix: Some(prefix.to_owned()),
        origin,
        beside: Vec::new(),
    }
}

#[test]
fn an_interpreter_in_a_place_that_sandboxes_have_of_their_own_is_shown_elsewhere() {
    let place = tempfile::tempdir_in("/tmp").unwrap();
    fs::create_dir(place.path().join("bin")).unwrap();
    fs::write(place.path().join("bin/deno"), "").unwrap();
    let found = interpreter("deno", place.path(), Origin::Found);
    let mut root = RootPlan::default();
    add_interpreter(&mut root, LINKS, "deno", &found);
    let at = "/usr/local/lib/isol8-runtimes/deno/bin";
    let shown: Vec<_> = root.binds.iter().map(|bind| &*bind.target).collect();
    assert_eq!(shown, [at]);
    let link = ("/usr/local/bin/deno".to_owned(), format!("{at}/deno"));
    assert_eq!(root.links, [link]);
}

#[test]
fn links_are_not_made_in_a_directory_that_is_this_machines() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("bin")).unwrap();
    fs::write(place.path().join("bin/pi"), "").unwrap();
    let with = |node: Interpreter| Interpreter {
        beside: vec![node],
        ..interpreter("pi", place.path(), Origin::Installed)
    };
    let links = |agent: &Interpreter| plan(agent::NAME, agent).links;
    let target = "/usr/local/lib/isol8-runtimes/agent/bin/pi".to_owned();
    let of_machine = with(interpreter("node", Path::new(OWN), Origin::Found));
    let found = links(&of_machine);
    assert!(
        found.contains(&("/usr/local/sbin/pi".to_owned(), target.clone())),
        "{found:?}"
    );
    assert!(
        !found.iter().any(|(link, _)| link.starts_with(LINKS)),
        "{found:?}"
    );
    let elsewhere = with(interpreter(
        "node",
        &place.path().join("node"),
        Origin::Installed,
    ));
    assert!(links(&elsewhere).contains(&("/usr/local/bin/pi".to_owned(), target)));
}

#[test]
fn fd_has_the_name_that_agents_look_for() {
    let place = tempfile::tempdir().unwrap();
    let links = || {
        let mut plan = RootPlan::default();
        add_fd(&mut plan, LINKS, place.path());
        plan.links
    };
    assert!(links().is_empty());
    let known = place.path().join("fdfind");
    fs::write(&known, "").unwrap();
    let target = known.to_str().unwrap().to_owned();
    assert_eq!(links(), [("/usr/local/bin/fd".to_owned(), target)]);
    fs::write(place.path().join("fd"), "").unwrap();
    assert!(links().is_empty());
}
